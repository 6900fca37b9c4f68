use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use apalis_core::monitor::Monitor;
use apalis_core::task::data::Data;
use apalis_core::worker::builder::WorkerBuilder;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backend::{ClaimedJobs, Slot};
use super::{Queue, Runner, db};

/// How many jobs run at once.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The queues to serve, with the number of jobs of each that run at once.
    pub queues: Vec<(Queue, usize)>,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            queues: vec![
                (Queue::Default, 8),
                (Queue::Mail, 4),
                (Queue::Documents, 2),
                (Queue::Reports, 1),
                (Queue::Webhooks, 8),
            ],
        }
    }
}

/// After how long a silence the connection for notifications is opened anew: nothing else tells a quiet hour from a
/// connection that is lost.
const SILENCE: Duration = Duration::from_mins(5);
/// How long to wait before the connection for notifications is opened again.
const RECONNECT: Duration = Duration::from_secs(1);
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
    /// [`Timing::drain`](super::Timing::drain) to end, and the rest is handed back without counting the attempt.
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
        let timing = runner.timing();
        let background = TaskTracker::new();
        // Leases are prolonged until the very end: a draining job is still ours.
        let ended = CancellationToken::new();
        background.spawn(repeat(
            timing.heartbeat,
            ended.clone(),
            runner.clone(),
            |runner| async move { runner.heartbeat().await },
        ));
        background.spawn(repeat(
            timing.rescue,
            stop.clone(),
            runner.clone(),
            |runner| async move { runner.rescue().await },
        ));
        background.spawn(keep_schedules(runner.clone(), stop.clone()));
        let (later, delayed) = mpsc::channel(64);
        background.spawn(keep_looking(
            runner.clone(),
            calls.clone(),
            delayed,
            stop.clone(),
        ));
        background.spawn(listen(runner.clone(), calls.clone(), later, stop.clone()));

        let mut monitor = Monitor::new().shutdown_timeout(timing.drain);
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
        let mut free = vec![place];
        while let Ok(place) = places.clone().try_acquire_owned() {
            free.push(place);
        }
        // Not cancelled half-way: a claim that is committed has to reach somebody.
        let claimed = match runner.claim(queue, free.len()).await {
            Ok(claimed) => claimed,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(queue = queue.as_str(), error, "jobs cannot be claimed");
                Vec::new()
            }
        };
        let is_empty = claimed.len() < free.len();
        for slot in claimed.into_iter().zip(free) {
            if sender.send(slot).await.is_err() {
                return;
            }
        }
        if is_empty && stop.run_until_cancelled(call.notified()).await.is_none() {
            return;
        }
    }
}

type Calls = Vec<(Queue, Arc<Notify>)>;

/// Calls the claimers of queues in which something is due: when the next delayed job is, and now and then in case a
/// notification was lost. One statement for all queues, so an idle worker costs the database next to nothing.
async fn keep_looking<A: Clone + Send + Sync + 'static>(
    runner: Arc<Runner<A>>,
    calls: Calls,
    mut delayed: mpsc::Receiver<DateTime<Utc>>,
    stop: CancellationToken,
) {
    loop {
        let mut next = None;
        match runner.promptly(runner.look()).await {
            Ok(outlook) => {
                for (queue, call) in &calls {
                    if outlook.due.contains(queue) {
                        call.notify_one();
                    }
                }
                next = outlook.next;
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "queues cannot be looked at");
            }
        }
        let patience = tokio::time::Instant::now() + runner.timing().look;
        loop {
            let pause = next.map(|next| (next - runner.clock().now()).to_std().unwrap_or_default());
            let until = pause.map_or(patience, |pause| {
                patience.min(tokio::time::Instant::now() + pause)
            });
            let waited = tokio::time::timeout_at(until, delayed.recv());
            match stop.run_until_cancelled(waited).await {
                None => return,
                // A job was enqueued for later: wake up for it, if it is the first.
                Some(Ok(Some(run_at))) => next = Some(next.map_or(run_at, |next| next.min(run_at))),
                Some(Ok(None) | Err(_)) => break,
            }
        }
    }
}

/// Wakes the claimers when an enqueueing transaction commits. A lost notification costs a look at most.
async fn listen<A: Clone + Send + Sync + 'static>(
    runner: Arc<Runner<A>>,
    calls: Calls,
    later: mpsc::Sender<DateTime<Utc>>,
    stop: CancellationToken,
) {
    let listening = async {
        loop {
            if let Err(error) = forward_notifications(&runner, &calls, &later).await {
                tracing::warn!(%error, "workers are not notified: queues are looked at until they are");
            }
            tokio::time::sleep(RECONNECT).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn forward_notifications<A: Clone + Send + Sync + 'static>(
    runner: &Runner<A>,
    calls: &Calls,
    later: &mpsc::Sender<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    let mut listener = runner.db().listener().await?;
    listener.listen(db::CHANNEL).await?;
    // What was enqueued while nobody listened.
    for (_, call) in calls {
        call.notify_one();
    }
    // `None` when the connection was lost, and with it, maybe, a notification.
    while let Ok(notification) = tokio::time::timeout(SILENCE, listener.try_recv()).await {
        let Some(notification) = notification? else {
            break;
        };
        let message = notification.payload();
        let (name, time) = message.split_once('@').unwrap_or((message, ""));
        let run_at = time.parse().ok().and_then(DateTime::from_timestamp_millis);
        if let Some(run_at) = run_at {
            // Full when thousands are delayed at once, and then a look finds the first of them.
            let _ = later.try_send(run_at);
            continue;
        }
        for (queue, call) in calls {
            if queue.as_str() == name {
                call.notify_one();
            }
        }
    }
    Ok(())
}

async fn keep_schedules<A: Clone + Send + Sync + 'static>(
    runner: Arc<Runner<A>>,
    stop: CancellationToken,
) {
    let mut seen = runner.clock().now() - SCHEDULE_GRACE;
    let mut interval = tokio::time::interval(runner.timing().schedule);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        let now = runner.clock().now();
        match runner.promptly(runner.enqueue_ticks(seen, now)).await {
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
    A: Clone + Send + Sync + 'static,
    F: Fn(Arc<Runner<A>>) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let mut interval = tokio::time::interval(period);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        if let Err(error) = runner.promptly(work(runner.clone())).await {
            let error = format!("{error:#}");
            tracing::warn!(error, "a worker's round failed");
        }
    }
}
