mod settle;
mod upkeep;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures::FutureExt as _;
use kernel::{Clock, Entropy, JobId};
use sentry_core::{Hub, SentryFutureExt as _};
use tracing::Instrument as _;

pub use self::settle::Outcome;
use super::db::{self, Claimed};
use super::{JobError, JobRun, Queue, Registry, Timing};
use crate::correlation;
use crate::db::Db;

/// How long a job waits that this release does not understand: long enough for the release that does to be there.
pub(crate) const UNKNOWN_PAUSE: Duration = Duration::from_mins(1);

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

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
