use chrono::TimeDelta;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::db::{Db, DbSettings};

/// A worker that runs until it is stopped.
struct Running {
    stop: CancellationToken,
    worker: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(runner: &Arc<Runner<App>>, settings: WorkerSettings) -> Self {
        let stop = CancellationToken::new();
        let worker = Worker::new(runner.clone(), settings);
        Self {
            worker: tokio::spawn(worker.run(stop.clone())),
            stop,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        let stopped = tokio::time::timeout(PATIENCE, self.worker).await;
        stopped.expect("a worker that stops").unwrap().unwrap();
    }
}

impl Shop {
    fn worker(&self, timing: Timing) -> Running {
        Running::start(&self.runner(timing), WorkerSettings::default())
    }
}

/// So seldom that within a test nobody looks twice.
fn never_looking() -> Timing {
    Timing {
        look: Duration::from_hours(1),
        rescue: Duration::from_hours(1),
        ..short()
    }
}

#[tokio::test]
async fn an_idle_worker_is_called_by_the_transaction_that_enqueues() {
    let shop = Shop::start().await;
    let worker = shop.worker(never_looking());
    for number in 1..=3 {
        shop.work(number, Does::Succeed).await;
        shop.begun(1).await;
    }
    worker.stop().await;
    // The second may be kept after the third, which is enqueued as soon as it has begun.
    let mut done = shop.worked().await;
    done.sort_unstable();
    assert_eq!(done, [1, 2, 3]);
}

#[tokio::test]
async fn a_delayed_job_runs_when_it_is_due_although_nobody_looks() {
    let shop = Shop::start_in_real_time().await;
    let enqueue = async |number| {
        let how = Enqueue {
            run_at: Some(shop.clock.now() + TimeDelta::milliseconds(400)),
            ..Enqueue::default()
        };
        let does = Does::Succeed;
        shop.enqueue(&Work { number, does }, how).await;
    };
    // One that waited before there was a worker, and one that is enqueued while it sleeps.
    enqueue(1).await;
    let worker = shop.worker(never_looking());
    shop.begun(1).await;
    enqueue(2).await;
    shop.begun(1).await;
    worker.stop().await;
    assert_eq!(shop.worked().await, [1, 2]);
}

#[tokio::test]
async fn the_jobs_of_a_vanished_worker_run_again() {
    let shop = Shop::start().await;
    shop.work(1, Does::Wait).await;
    // A runtime of its own ends like a process: whatever runs in it is gone.
    let process = tokio::runtime::Runtime::new().unwrap();
    {
        let _inside = process.enter();
        let db = Db::new(&shop.platform.db_settings()).unwrap();
        let runner = shop.runner_on(db, registry(), short());
        Running::start(&runner, WorkerSettings::default());
    }
    shop.begun(1).await;
    process.shutdown_background();
    let heir = shop.worker(short());
    shop.begun(1).await;
    shop.open_gate(1);
    until("it is done", async || shop.row().await.0 == "done").await;
    heir.stop().await;
    assert_eq!(shop.worked().await, [1]);
    assert_eq!(shop.row().await, ("done".into(), 2, 1));
}

#[tokio::test]
async fn a_slow_run_keeps_its_job_even_when_runs_take_every_connection() {
    let shop = Shop::start().await;
    let settings = DbSettings {
        pool_size: 2,
        ..shop.platform.db_settings()
    };
    let runner = shop.runner_on(Db::new(&settings).unwrap(), registry(), short());
    let worker = Running::start(&runner, WorkerSettings::default());
    for number in 1..=2 {
        shop.work(number, Does::WaitInTx).await;
    }
    shop.begun(2).await;
    let started = tokio::time::Instant::now();
    until("several leases have passed", async || {
        started.elapsed() > short().lease * 3
    })
    .await;
    shop.open_gate(2);
    until("both are done", async || shop.worked().await.len() == 2).await;
    worker.stop().await;
    let done = ("done".to_owned(), 1, 0);
    assert_eq!(shop.rows().await, [done.clone(), done]);
}

#[tokio::test]
async fn a_shutdown_lets_runs_end_and_claims_nothing_more() {
    let shop = Shop::start().await;
    let patient = Timing {
        drain: PATIENCE,
        ..short()
    };
    let worker = shop.worker(patient);
    shop.work(1, Does::Wait).await;
    shop.begun(1).await;
    worker.stop.cancel();
    shop.work(2, Does::Succeed).await;
    shop.open_gate(1);
    worker.stop().await;
    assert_eq!(shop.worked().await, [1]);
    let rows = shop.rows().await;
    assert_eq!(rows, [("done".into(), 1, 0), ("ready".into(), 0, 0)]);
}

#[tokio::test]
async fn a_shutdown_hands_back_what_does_not_end_in_time_without_counting_it() {
    let shop = Shop::start().await;
    let worker = shop.worker(short());
    shop.work(1, Does::Wait).await;
    shop.begun(1).await;
    worker.stop().await;
    assert_eq!(shop.row().await, ("ready".into(), 0, 0));
    // The first run goes on nevertheless, and commits nothing; the second does.
    shop.open_gate(2);
    shop.runner(Timing::default()).run_due().await.unwrap();
    until("the job is done", async || shop.row().await.0 == "done").await;
    assert_eq!(shop.worked().await, [1]);
}

#[tokio::test]
async fn full_queues_do_not_hold_up_mail() {
    let shop = Shop::start().await;
    let worker = shop.worker(never_looking());
    for number in 0..10 {
        let does = Does::Wait;
        shop.enqueue(&Paper { number, does }, Enqueue::default())
            .await;
    }
    let papers = WorkerSettings::default().queues;
    let (_, at_once) = papers
        .iter()
        .find(|(queue, _)| *queue == Queue::Documents)
        .unwrap();
    shop.begun(u32::try_from(*at_once).unwrap()).await;
    let letter = Letter {
        number: 99,
        does: Does::Succeed,
    };
    shop.enqueue(&letter, Enqueue::default()).await;
    until("the letter is out", async || shop.worked().await == [99]).await;
    let running = shop.rows().await;
    let running = running.iter().filter(|(state, ..)| state == "running");
    assert_eq!(running.count(), *at_once);
    shop.open_gate(10);
    until("all are done", async || shop.worked().await.len() == 11).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_lost_connection_for_notifications_is_opened_again() {
    let shop = Shop::start().await;
    let worker = shop.worker(never_looking());
    shop.work(1, Does::Succeed).await;
    shop.begun(1).await;
    shop.platform.database().end_sessions().await;
    // Enqueued at once: before, while and after the connection is opened again.
    for number in 2..=6 {
        until("it is enqueued", async || {
            let Ok(mut tx) = shop.platform.db.begin().await else {
                return false;
            };
            let does = Does::Succeed;
            let job = Work { number, does };
            shop.jobs().enqueue(&mut tx, &job).await.is_ok() && tx.commit().await.is_ok()
        })
        .await;
        shop.begun(1).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn an_outage_of_the_database_ends_no_worker_and_repeats_nothing() {
    let shop = Shop::start().await;
    let settings = DbSettings {
        acquire_timeout: Duration::from_millis(100),
        ..shop.platform.db_settings()
    };
    let runner = shop.runner_on(Db::new(&settings).unwrap(), registry(), short());
    let worker = Running::start(&runner, WorkerSettings::default());
    shop.work(1, Does::Succeed).await;
    until("it is done", async || shop.worked().await == [1]).await;

    shop.platform.database().set_reachable(false).await;
    let started = tokio::time::Instant::now();
    until("the outage is longer than anybody waits", async || {
        started.elapsed() > settings.acquire_timeout * 10
    })
    .await;
    assert!(!worker.worker.is_finished());
    shop.platform.database().set_reachable(true).await;

    until("the test is connected again", async || {
        shop.platform.db.acquire().await.is_ok()
    })
    .await;
    shop.work(2, Does::Succeed).await;
    until("it goes on", async || shop.worked().await.len() > 1).await;
    worker.stop().await;
    assert_eq!(shop.worked().await, [1, 2]);
}

#[tokio::test]
async fn a_worker_whose_connections_have_fallen_silent_opens_others() {
    let shop = Shop::start().await;
    let wire = shop.platform.database().wire().await;
    let settings = DbSettings {
        url: shop.platform.database().url_over(&wire),
        ..shop.platform.db_settings()
    };
    let timing = Timing {
        patience: Duration::from_secs(1),
        lease: Duration::from_secs(30),
        ..short()
    };
    let runner = shop.runner_on(Db::new(&settings).unwrap(), registry(), timing);
    let worker = Running::start(&runner, WorkerSettings::default());
    shop.work(1, Does::Succeed).await;
    until("it is done", async || shop.worked().await == [1]).await;

    wire.lose_connections();
    shop.work(2, Does::Succeed).await;
    until("it goes on", async || shop.worked().await.len() > 1).await;
    worker.stop().await;
    assert_eq!(shop.worked().await, [1, 2]);
}

/// The statements that this thread's tasks send, by how they begin.
#[derive(Clone, Default)]
struct Statements(Arc<std::sync::Mutex<Vec<String>>>);

impl Statements {
    fn containing(&self, part: &str) -> usize {
        let sent = self.0.lock().unwrap();
        sent.iter().filter(|text| text.contains(part)).count()
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(
                &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                    if field.name() == "db.statement" || field.name() == "summary" {
                        self.0.lock().unwrap().push(format!("{value:?}"));
                    }
                },
            );
        }
    }
}

#[tokio::test]
async fn an_idle_worker_asks_one_question_for_all_queues() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let shop = Shop::start().await;
    // Other tests run beside this one and listen to nothing, for which the events would be switched off.
    let _first = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let statements = Statements::default();
    let subscriber = tracing_subscriber::registry().with(statements.clone());
    let _listening = tracing::subscriber::set_default(subscriber);
    let looking = Timing {
        look: Duration::from_millis(5),
        ..never_looking()
    };
    let worker = shop.worker(looking);
    until("it has looked often", async || {
        statements.containing("oldest_due") >= 50
    })
    .await;
    worker.stop().await;
    // Each queue when the worker starts, and once more when it has begun to listen.
    let claims = statements.containing("SKIP LOCKED");
    assert!(
        (1..=2 * Queue::ALL.len() + 1).contains(&claims),
        "{claims} claims"
    );
}
