use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use kernel::{Clock, Entropy, JobId};
use sentry_core::{Hub, SentryFutureExt as _};
use tracing::Instrument as _;
use uuid::Uuid;

use super::backoff::backoff;
use super::db::{self, Claimed};
use super::{JobError, JobRun, Jobs, Queue, Registry, Timing};
use crate::correlation;
use crate::db::Db;

/// How long a job waits that this release does not understand: long enough for the release that does to be there.
const UNKNOWN_PAUSE: Duration = Duration::from_mins(1);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Completed under its lease.
    Done,
    /// Will be tried again after a pause.
    Retried,
    /// Handed back without counting the attempt.
    Snoozed,
    /// Given up: a person has to look at it.
    Dead,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Snoozed => "snoozed",
            Self::Dead => "dead",
        }
    }
}

/// What became of one run.
#[derive(Debug)]
pub struct Report {
    /// The kind of job.
    pub kind: String,
    /// How the run ended.
    pub outcome: Outcome,
    /// Why, where it was not completed.
    pub error: Option<String>,
}

/// What there is to do.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// Queues in which a job waits to be run.
    pub(super) due: Vec<Queue>,
    /// When the next job is due that is not yet.
    pub(super) next: Option<DateTime<Utc>>,
}

/// Claims jobs, runs them and records how they ended.
pub struct Runner<A> {
    app: A,
    registry: Registry<A>,
    db: Db,
    /// For what must go on while all other connections are taken: leases, rescue, and how runs ended.
    upkeep: Db,
    timing: Timing,
    clock: Clock,
    entropy: Entropy,
    /// What this process has claimed and not finished: whose leases to prolong, and what to hand back at the end.
    held: Mutex<BTreeMap<JobId, Claimed>>,
}

impl<A: Clone + Send + Sync + 'static> Runner<A> {
    /// A runner of the jobs in `registry`.
    pub fn new(
        app: A,
        registry: Registry<A>,
        db: Db,
        clock: Clock,
        entropy: Entropy,
        timing: Timing,
    ) -> Arc<Self> {
        Arc::new(Self {
            app,
            registry,
            upkeep: db.apart(),
            db,
            timing,
            clock,
            entropy,
            held: Mutex::default(),
        })
    }

    /// Runs every job that is due, and those that they cause, one after the other until none is left.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn run_due(&self) -> anyhow::Result<Vec<Report>> {
        let mut reports = Vec::new();
        loop {
            let before = reports.len();
            for queue in Queue::ALL {
                for claimed in self.claim(queue, 1).await? {
                    reports.push(self.run(claimed).await);
                }
            }
            if reports.len() == before {
                return Ok(reports);
            }
        }
    }

    pub(super) async fn claim(&self, queue: Queue, limit: usize) -> anyhow::Result<Vec<Claimed>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (now, lease) = (self.clock.now(), self.timing.lease);
        let claimed = self.promptly(async {
            let mut connection = self.db.acquire().await?;
            db::claim(&mut connection, queue, now, lease, limit)
                .await
                .context("claim jobs")
        });
        let claimed = claimed.await?;
        self.held()
            .extend(claimed.iter().map(|job| (job.id, job.clone())));
        Ok(claimed)
    }

    /// Does one step of what keeps jobs going, unless the database falls silent over it. Should it have been done all the
    /// same, leases put it right.
    pub(super) fn promptly<T>(
        &self,
        step: impl Future<Output = anyhow::Result<T>>,
    ) -> impl Future<Output = anyhow::Result<T>> {
        // In a box: it stands inside the future of each run, of which many are alive at once.
        let step = tokio::time::timeout(self.timing.patience, Box::pin(step));
        async { step.await.context("the database did not answer in time")? }
    }

    /// Runs one job to its end. Whatever the handler does, the job is in exactly one state afterwards.
    pub(super) async fn run(&self, claimed: Claimed) -> Report {
        let span = tracing::info_span!(
            "job",
            otel.name = format!("job.{}", claimed.kind),
            kind = claimed.kind,
            id = %claimed.id,
            attempt = claimed.attempt,
            correlation_id = claimed.correlation_id,
        );
        let correlation_id = claimed
            .correlation_id
            .clone()
            .unwrap_or_else(|| claimed.id.to_string());
        let hub = error_reports_of(&claimed, &correlation_id);
        let run = Box::pin(self.run_in_span(claimed)).instrument(span);
        correlation::scope(correlation_id, run.bind_hub(hub)).await
    }

    async fn run_in_span(&self, claimed: Claimed) -> Report {
        let started = tokio::time::Instant::now();
        let result = self.call_handler(&claimed).await;
        let (outcome, error) = self.settle(&claimed, result).await;
        self.held().remove(&claimed.id);

        let labels = [
            ("kind", claimed.kind.clone()),
            ("outcome", outcome.as_str().to_owned()),
        ];
        metrics::counter!("job_runs_total", &labels).increment(1);
        metrics::histogram!("job_duration_seconds", &labels).record(started.elapsed());
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let waited_ms = (self.clock.now() - claimed.enqueued_at).num_milliseconds();
        let (outcome_name, error_text) = (outcome.as_str(), error.as_deref());
        match outcome {
            Outcome::Done | Outcome::Snoozed => {
                tracing::info!(outcome = outcome_name, ms, waited_ms, "job");
            }
            Outcome::Retried => {
                tracing::warn!(
                    outcome = outcome_name,
                    ms,
                    waited_ms,
                    error = error_text,
                    "job"
                );
            }
            Outcome::Dead => {
                count_dead(&claimed.kind);
                tracing::error!(
                    outcome = outcome_name,
                    ms,
                    waited_ms,
                    error = error_text,
                    "job"
                );
            }
        }
        Report {
            kind: claimed.kind,
            outcome,
            error,
        }
    }

    async fn call_handler(&self, claimed: &Claimed) -> Result<(), JobError> {
        let handler = match self.registry.handler(&claimed.kind) {
            Some(handler) if claimed.version <= handler.version => handler,
            _ => return Err(JobError::Snooze(UNKNOWN_PAUSE)),
        };
        let run = JobRun::new(claimed, self.db.clone(), self.clock.clone());
        let future = (handler.handle)(self.app.clone(), run, claimed.payload.clone());
        let run = AssertUnwindSafe(future).catch_unwind();
        match tokio::time::timeout(self.timing.longest_run, run).await {
            Err(_) => Err(JobError::Retry(anyhow!("the run did not end"))),
            Ok(Ok(result)) => result.map(|_| ()),
            Ok(Err(panic)) => Err(JobError::Retry(anyhow!(
                "panicked: {}",
                panic_text(&*panic)
            ))),
        }
    }

    /// Records how a run ended. If that fails, the lease runs out and the job is rescued: at least once, never lost.
    async fn settle(
        &self,
        claimed: &Claimed,
        result: Result<(), JobError>,
    ) -> (Outcome, Option<String>) {
        let (outcome, error) = match result {
            Ok(()) => return (Outcome::Done, None),
            Err(JobError::Snooze(pause)) => {
                log_unrecorded(self.promptly(self.hand_back(claimed, pause)).await);
                return (Outcome::Snoozed, None);
            }
            Err(JobError::Retry(error)) if claimed.attempt < claimed.max_attempts => {
                (Outcome::Retried, error)
            }
            Err(JobError::Retry(error) | JobError::Fail(error)) => (Outcome::Dead, error),
        };
        let text = format!("{error:#}");
        log_unrecorded(
            self.promptly(self.record_failure(claimed, outcome, &text))
                .await,
        );
        (outcome, Some(text))
    }

    async fn record_failure(
        &self,
        claimed: &Claimed,
        outcome: Outcome,
        error: &str,
    ) -> anyhow::Result<()> {
        let mut connection = self.upkeep.acquire().await?;
        let (id, token, now) = (claimed.id, claimed.lease_token, self.clock.now());
        if outcome == Outcome::Dead {
            return db::bury(&mut connection, id, token, now, error)
                .await
                .context("bury job");
        }
        let jitter = u64::from_le_bytes(self.entropy.bytes());
        let run_at = now + backoff(claimed.attempt, jitter);
        db::retry(&mut connection, id, token, run_at, error)
            .await
            .context("put job back")?;
        db::notify(&mut connection, &claimed.queue, run_at, now)
            .await
            .context("notify workers")
    }

    async fn hand_back(&self, claimed: &Claimed, pause: Duration) -> anyhow::Result<()> {
        let now = self.clock.now();
        let run_at = now + pause;
        let mut connection = self.upkeep.acquire().await?;
        db::hand_back(&mut connection, claimed.id, claimed.lease_token, run_at)
            .await
            .context("hand job back")?;
        db::notify(&mut connection, &claimed.queue, run_at, now)
            .await
            .context("notify workers")
    }

    /// Hands back everything that this process still holds, without counting the attempts: the end of a shutdown.
    pub(super) async fn release_held(&self) -> anyhow::Result<()> {
        let held = std::mem::take(&mut *self.held());
        for claimed in held.into_values() {
            self.promptly(self.hand_back(&claimed, Duration::ZERO))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn heartbeat(&self) -> anyhow::Result<()> {
        let tokens: Vec<Uuid> = self.held().values().map(|job| job.lease_token).collect();
        if tokens.is_empty() {
            return Ok(());
        }
        let mut connection = self.upkeep.acquire().await?;
        db::heartbeat(&mut connection, &tokens, self.timing.lease)
            .await
            .context("prolong leases")
    }

    /// Takes back what vanished workers held.
    pub(super) async fn rescue(&self) -> anyhow::Result<()> {
        let mut connection = self.upkeep.acquire().await?;
        let rescued = db::rescue(&mut connection, self.clock.now())
            .await
            .context("rescue jobs")?;
        for job in rescued {
            metrics::counter!("job_rescues_total", "kind" => job.kind.clone()).increment(1);
            if job.dead {
                count_dead(&job.kind);
                tracing::error!(kind = job.kind, id = %job.id, "a job's workers keep vanishing: it is dead");
            } else {
                tracing::warn!(kind = job.kind, id = %job.id, "a worker vanished: its job runs again");
                let now = self.clock.now();
                db::notify(&mut connection, &job.queue, now, now)
                    .await
                    .context("notify workers")?;
            }
        }
        Ok(())
    }

    /// Looks at all queues at once: publishes how full they are, and returns which have something due, and when the next
    /// thing will be.
    pub(super) async fn look(&self) -> anyhow::Result<Outlook> {
        let now = self.clock.now();
        let mut connection = self.upkeep.acquire().await?;
        let depths = db::depths(&mut connection, now)
            .await
            .context("look at queues")?;
        let mut outlook = Outlook::default();
        for queue in Queue::ALL {
            let depth = depths.iter().find(|depth| depth.queue == queue.as_str());
            let oldest = depth.and_then(|depth| depth.oldest_due);
            if oldest.is_some() {
                outlook.due.push(queue);
            }
            let age = oldest.map_or(0, |due| (now - due).num_seconds());
            let gauge = |name, value: i64| {
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
                metrics::gauge!(name, "queue" => queue.as_str()).set(value as f64);
            };
            gauge("job_queue_depth", depth.map_or(0, |depth| depth.waiting));
            gauge("job_queue_dead", depth.map_or(0, |depth| depth.dead));
            gauge("job_queue_oldest_seconds", age);
        }
        outlook.next = depths.iter().filter_map(|depth| depth.next_due).min();
        Ok(outlook)
    }

    /// Enqueues what the schedules have in `(after, until]`.
    pub(super) async fn enqueue_ticks(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let jobs = Jobs::new(self.clock.clone(), self.entropy.clone());
        for schedule in &self.registry.schedules {
            let ticks = std::iter::successors(schedule.next_after(after), |tick| {
                schedule.next_after(*tick)
            });
            for tick in ticks.take_while(|tick| *tick <= until) {
                schedule.enqueue(&self.db, &jobs, tick).await?;
            }
        }
        Ok(())
    }

    pub(super) fn timing(&self) -> Timing {
        self.timing
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<JobId, Claimed>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What goes wrong in a run is reported under its name, with what came before in this run alone.
fn error_reports_of(claimed: &Claimed, correlation_id: &str) -> Arc<Hub> {
    let hub = Hub::new_from_top(Hub::current());
    hub.configure_scope(|scope| {
        scope.clear_breadcrumbs();
        scope.set_tag("job", &claimed.kind);
        scope.set_tag("job_id", claimed.id);
        scope.set_tag("request_id", correlation_id);
    });
    Arc::new(hub)
}

/// What the alarm rings for.
fn count_dead(kind: &str) {
    metrics::counter!("jobs_dead_total", "kind" => kind.to_owned()).increment(1);
}

fn log_unrecorded(result: anyhow::Result<()>) {
    if let Err(error) = result {
        let error = format!("{error:#}");
        tracing::error!(
            error,
            "a run's end could not be recorded: the job runs again when its lease ends"
        );
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
