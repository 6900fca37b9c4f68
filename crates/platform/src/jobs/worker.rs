use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use apalis_core::monitor::Monitor;
use apalis_core::task::data::Data;
use apalis_core::worker::builder::WorkerBuilder;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backend::{ClaimedJobs, Slot};
use super::{Queue, Runner, db};

/// How many jobs run at once, and how long they may take to end.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The queues to serve, with the number of jobs of each that run at once.
    pub queues: Vec<(Queue, usize)>,
    /// How long a shutdown waits for running jobs before it hands them back (requirement E3: 25 s).
    pub drain: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            queues: vec![
                (Queue::Default, 8),
                (Queue::Mail, 4),
                (Queue::Documents, 2),
                (Queue::Reports, 1),
            ],
            drain: Duration::from_secs(25),
        }
    }
}

/// How often running jobs prolong their leases (requirement E2).
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often jobs of vanished workers are looked for: lease and this together stay below 40 s.
const RESCUE: Duration = Duration::from_secs(5);
/// How often a queue is looked at when no notification came: the bound on a lost one, and how delayed jobs are found.
const POLL: Duration = Duration::from_secs(1);
/// How often schedules are looked at.
const SCHEDULE: Duration = Duration::from_secs(1);
/// How often the queues' gauges are refreshed.
const MEASURE: Duration = Duration::from_secs(10);
/// How far back a starting scheduler looks: ticks that fell into the gap between two workers are not lost.
const SCHEDULE_GRACE: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// A process's worker: serves every queue until it is told to stop.
pub struct Worker<A> {
    runner: Arc<Runner<A>>,
    settings: WorkerSettings,
}

impl<A: Clone + Send + Sync + 'static> Worker<A> {
    /// A worker that runs jobs with `runner`.
    #[must_use]
    pub fn new(runner: Arc<Runner<A>>, settings: WorkerSettings) -> Self {
        Self { runner, settings }
    }

    /// Serves the queues until `stop` is cancelled. Then no more jobs are claimed, running ones get
    /// [`WorkerSettings::drain`] to end, and the rest is handed back without counting the attempt.
    ///
    /// # Errors
    /// If the runtime fails, or jobs could not be handed back (their leases will end by themselves).
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { runner, settings } = self;
        let calls: Vec<(Queue, Arc<Notify>)> = settings
            .queues
            .iter()
            .map(|(queue, _)| (*queue, Arc::new(Notify::new())))
            .collect();
        let background = TaskTracker::new();
        // Leases are prolonged until the very end: a draining job is still ours.
        let ended = CancellationToken::new();
        background.spawn(repeat(
            HEARTBEAT,
            ended.clone(),
            runner.clone(),
            |runner| async move { runner.heartbeat().await },
        ));
        background.spawn(repeat(
            RESCUE,
            stop.clone(),
            runner.clone(),
            |runner| async move { runner.rescue().await },
        ));
        background.spawn(repeat(
            MEASURE,
            stop.clone(),
            runner.clone(),
            |runner| async move { runner.measure_queues().await },
        ));
        background.spawn(keep_schedules(runner.clone(), stop.clone()));
        background.spawn(listen(runner.clone(), calls.clone(), stop.clone()));

        let mut monitor = Monitor::new().shutdown_timeout(settings.drain);
        for ((queue, call), (_, concurrency)) in calls.into_iter().zip(settings.queues) {
            let (sender, receiver) = mpsc::channel(concurrency);
            background.spawn(claim_jobs(
                runner.clone(),
                queue,
                concurrency,
                call,
                sender,
                stop.clone(),
            ));
            monitor = register(monitor, queue, receiver, runner.clone());
        }
        let signal = stop.cancelled_owned();
        let served = monitor
            .run_with_signal(async {
                signal.await;
                Ok(())
            })
            .await;

        ended.cancel();
        background.close();
        background.wait().await;
        runner.release_held().await.context("hand jobs back")?;
        served.context("serve the queues")
    }
}

fn register<A: Clone + Send + Sync + 'static>(
    monitor: Monitor,
    queue: Queue,
    receiver: mpsc::Receiver<Slot>,
    runner: Arc<Runner<A>>,
) -> Monitor {
    let receiver = std::sync::Mutex::new(Some(receiver));
    monitor.register(move |_| {
        // A backend that cannot fail is never restarted, so it is built once.
        let receiver = receiver
            .lock()
            .ok()
            .and_then(|mut receiver| receiver.take())
            .expect("a worker is built once");
        WorkerBuilder::new(queue.as_str())
            .backend(ClaimedJobs::new(receiver))
            .data(runner.clone())
            .build(run_slot::<A>)
    })
}

/// Each job runs as a task of its own, so one that computes does not hold up the others of its queue.
async fn run_slot<A: Clone + Send + Sync + 'static>(
    (claimed, place): Slot,
    runner: Data<Arc<Runner<A>>>,
) -> Result<(), tokio::task::JoinError> {
    let runner = Arc::clone(&runner);
    tokio::spawn(async move {
        runner.run(claimed).await;
        drop(place);
    })
    .await
}

/// Claims jobs as places become free: never more than can run at once, so a shutdown finds nothing prefetched.
async fn claim_jobs<A: Clone + Send + Sync + 'static>(
    runner: Arc<Runner<A>>,
    queue: Queue,
    concurrency: usize,
    call: Arc<Notify>,
    sender: mpsc::Sender<Slot>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(concurrency));
    loop {
        let Some(Ok(place)) = stop
            .run_until_cancelled(places.clone().acquire_owned())
            .await
        else {
            return;
        };
        // Not cancelled half-way: a claim that is committed has to reach somebody.
        let claimed = match runner.claim(queue, 1).await {
            Ok(mut claimed) => claimed.pop(),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(queue = queue.as_str(), error, "jobs cannot be claimed");
                None
            }
        };
        if let Some(claimed) = claimed {
            if sender.send((claimed, place)).await.is_err() {
                return;
            }
        } else {
            drop(place);
            let called = tokio::time::timeout(POLL, call.notified());
            if stop.run_until_cancelled(called).await.is_none() {
                return;
            }
        }
    }
}

/// Wakes the claimers when an enqueueing transaction commits. A lost notification costs [`POLL`] at most.
async fn listen<A: Clone + Send + Sync + 'static>(
    runner: Arc<Runner<A>>,
    calls: Vec<(Queue, Arc<Notify>)>,
    stop: CancellationToken,
) {
    let listening = async {
        loop {
            if let Err(error) = forward_notifications(&runner, &calls).await {
                tracing::warn!(%error, "workers are not notified: queues are polled until they are");
            }
            tokio::time::sleep(POLL).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn forward_notifications<A: Clone + Send + Sync + 'static>(
    runner: &Runner<A>,
    calls: &[(Queue, Arc<Notify>)],
) -> Result<(), sqlx::Error> {
    let mut listener = runner.db().listener().await?;
    listener.listen(db::CHANNEL).await?;
    loop {
        let notification = listener.recv().await?;
        for (queue, call) in calls {
            if queue.as_str() == notification.payload() {
                call.notify_one();
            }
        }
    }
}

async fn keep_schedules<A: Clone + Send + Sync + 'static>(
    runner: Arc<Runner<A>>,
    stop: CancellationToken,
) {
    let mut seen = runner.clock().now() - SCHEDULE_GRACE;
    let mut interval = tokio::time::interval(SCHEDULE);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let now = runner.clock().now();
        match runner.enqueue_ticks(seen, now).await {
            Ok(()) => seen = now,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "schedules cannot be kept: the ticks are enqueued when they can be"
                );
            }
        }
    }
}

/// Does `work` every `period` until `stop`. A failure is logged and the next round tries again.
async fn repeat<A, F, Fut>(
    period: Duration,
    stop: CancellationToken,
    runner: Arc<Runner<A>>,
    work: F,
) where
    F: Fn(Arc<Runner<A>>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let mut interval = tokio::time::interval(period);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Err(error) = work(runner.clone()).await {
            let error = format!("{error:#}");
            tracing::warn!(error, "a worker's round failed");
        }
    }
}
