//! What jobs cost, beside what the same database does with a bare table in the same run: figures of one machine say little
//! about another, and their ratio does.
#![expect(clippy::print_stdout, reason = "it speaks to a person")]
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at the database from outside, where no module's checked queries lead"
)]

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use kernel::{Clock, Entropy};
use platform::db::{Db, DbSettings};
use platform::jobs::{
    Job, JobResult, JobRun, Jobs, Queue, Registry, Runner, Timing, Worker, WorkerSettings,
};
use platform::testing::TestDatabase;
use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many of everything.
const JOBS: usize = 8_000;
/// How many people enqueue at once, and how many do the bare rounds.
const CALLERS: usize = 8;
/// How many jobs one transaction enqueues where many are enqueued at once.
const BULK: usize = 500;
/// How many jobs are started one after the other on an idle worker.
const STARTS: usize = 500;
/// How long an idle worker is watched: several of its rounds.
const IDLE: Duration = Duration::from_secs(30);

/// A job that does nothing: what is left is what the job system costs.
#[derive(Debug, Serialize, Deserialize)]
struct Nothing {
    number: usize,
}

impl Job for Nothing {
    const KIND: &'static str = "bench.nothing";
    const QUEUE: Queue = Queue::Default;
}

/// What handlers are given: where to tell that they run.
type App = mpsc::UnboundedSender<Instant>;

async fn nothing(app: App, run: JobRun, _: Nothing) -> JobResult {
    // Nobody listens while whole heaps are worked off.
    let _ = app.send(Instant::now());
    run.complete_alone().await
}

#[tokio::main]
async fn main() {
    if cfg!(debug_assertions) {
        println!("Figures of a debug build are worth nothing: cargo xtask bench jobs");
        return;
    }
    let bench = Bench::start().await;
    // Between the figures, so that what else the machine does meanwhile meets both.
    let mut bare = vec![bench.bare_rounds().await];
    let single = bench.enqueue_each().await;
    bare.push(bench.bare_rounds().await);
    let one = bench.work_off(1).await;
    bare.push(bench.bare_rounds().await);
    let bulk = bench.enqueue_in_bulk().await;
    bare.push(bench.bare_rounds().await);
    let four = bench.work_off(4).await;
    bare.push(bench.bare_rounds().await);
    bare.sort_by(f64::total_cmp);
    let bare = bare[bare.len() / 2];
    let starts = bench.start_one_by_one().await;
    let idle = bench.statements_of_an_idle_worker().await;

    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\n{JOBS} jobs that do nothing, optimised build, {cores} cores shared with PostgreSQL; {CALLERS} callers at once,"
    );
    println!(
        "workers in one process, each with eight places and a pool of its own; fsync {}.\n",
        bench.fsync().await
    );
    println!("| figure | a second | ÷ bare rounds |");
    println!("|---|---|---|");
    for (figure, rate) in [
        (
            "bare `INSERT`; `DELETE … SKIP LOCKED`, a transaction each",
            bare,
        ),
        ("enqueued, one in a transaction", single),
        ("enqueued, 500 in a transaction", bulk),
        ("completed by 1 worker", one),
        ("completed by 4 workers", four),
    ] {
        println!("| {figure} | {rate:.0} | {:.2} |", rate / bare);
    }
    println!("\n| figure | measured |");
    println!("|---|---|");
    let ms =
        |percent: usize| starts[(starts.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1_000.0;
    println!(
        "| from the commit to the handler, idle worker, p50 | {:.1} ms |",
        ms(50)
    );
    println!("| the same, p99 | {:.1} ms |", ms(99));
    println!("| statements of an idle worker | {idle:.1} a second |");
}

struct Bench {
    database: TestDatabase,
    db: Db,
    jobs: Jobs,
}

impl Bench {
    async fn start() -> Self {
        let database = TestDatabase::create(&[]).await;
        let db = connect(&database);
        let bench = Self {
            db,
            jobs: Jobs::new(Clock::system(), Entropy::system()),
            database,
        };
        let mut superuser = bench.superuser().await;
        sqlx::raw_sql(
            "CREATE TABLE public.bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb NOT NULL);
             GRANT SELECT, INSERT, UPDATE, DELETE ON public.bare TO app;",
        )
        .execute(&mut superuser)
        .await
        .expect("a bare table");
        bench
    }

    /// Whether commits wait for the disk: they do not where `cargo xtask services` started the server.
    async fn fsync(&self) -> String {
        let mut connection = self.db.acquire().await.expect("a connection");
        sqlx::query_scalar("SHOW fsync")
            .fetch_one(&mut *connection)
            .await
            .expect("a setting")
    }

    async fn superuser(&self) -> PgConnection {
        let url = self.database.superuser_url();
        PgConnection::connect(url.as_str())
            .await
            .expect("PostgreSQL answers")
    }

    /// The least that a queue in PostgreSQL can do: puts one row in, takes one row out.
    async fn bare_rounds(&self) -> f64 {
        let payload = serde_json::json!({ "number": 1 });
        let rounds = rate(JOBS, CALLERS, async |_| {
            let mut connection = self.db.acquire().await.expect("a connection");
            sqlx::query("INSERT INTO public.bare (payload) VALUES ($1)")
                .bind(&payload)
                .execute(&mut *connection)
                .await
                .expect("a row");
            sqlx::query(
                "DELETE FROM public.bare WHERE id =
                     (SELECT id FROM public.bare ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)",
            )
            .execute(&mut *connection)
            .await
            .expect("a row less");
        })
        .await;
        // Now and then a round finds every row locked, and leaves its own to others.
        let left = self.count("SELECT count(*) FROM public.bare").await;
        assert!(left < JOBS / 100, "{left} rows were not taken out again");
        rounds
    }

    async fn enqueue_each(&self) -> f64 {
        rate(JOBS, CALLERS, async |number| {
            self.enqueue(number..number + 1).await
        })
        .await
    }

    async fn enqueue_in_bulk(&self) -> f64 {
        let heaps = rate(JOBS / BULK, CALLERS, async |heap| {
            self.enqueue(heap * BULK..(heap + 1) * BULK).await;
        });
        heaps.await * to_f64(BULK)
    }

    /// Enqueues jobs in one transaction; gives the moment of asking for the commit.
    async fn enqueue(&self, numbers: std::ops::Range<usize>) -> Instant {
        let mut tx = self.db.begin().await.expect("a transaction");
        for number in numbers {
            let job = Nothing { number };
            self.jobs.enqueue(&mut tx, &job).await.expect("a job");
        }
        let committing = Instant::now();
        tx.commit().await.expect("a commit");
        committing
    }

    /// Has so many workers do all that waits; jobs a second.
    async fn work_off(&self, workers: usize) -> f64 {
        let waiting = self.unfinished().await;
        let since = Instant::now();
        let (app, _) = mpsc::unbounded_channel();
        let workers: Vec<_> = (0..workers)
            .map(|_| Running::start(&self.database, &app))
            .collect();
        while self.unfinished().await > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let took = since.elapsed();
        join_all(workers.into_iter().map(Running::stop)).await;
        assert_eq!(waiting, JOBS, "jobs that waited");
        to_f64(JOBS) / took.as_secs_f64()
    }

    async fn unfinished(&self) -> usize {
        self.count("SELECT count(*) FROM platform.jobs WHERE state IN ('ready', 'running')")
            .await
    }

    async fn count(&self, question: &'static str) -> usize {
        let mut connection = self.db.acquire().await.expect("a connection");
        let count: i64 = sqlx::query_scalar(question)
            .fetch_one(&mut *connection)
            .await
            .expect("a count");
        count.try_into().expect("a count")
    }

    /// From asking for the commit until the handler runs, in order of length.
    async fn start_one_by_one(&self) -> Vec<Duration> {
        let (app, mut runs) = mpsc::unbounded_channel();
        let worker = Running::start(&self.database, &app);
        let mut times = Vec::new();
        for number in 0..STARTS {
            let committing = self.enqueue(number..number + 1).await;
            let began = runs.recv().await.expect("a handler that runs");
            times.push(began.duration_since(committing));
        }
        worker.stop().await;
        times.sort_unstable();
        times
    }

    /// Transactions that the database counts while a worker has nothing to do: each of its statements is one.
    async fn statements_of_an_idle_worker(&self) -> f64 {
        let (app, _) = mpsc::unbounded_channel();
        let worker = Running::start(&self.database, &app);
        let mut superuser = self.superuser().await;
        let mut counted = [0; 2];
        for count in &mut counted {
            // Sessions report what they did with a delay.
            tokio::time::sleep(IDLE).await;
            *count = sqlx::query_scalar::<_, i64>(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()",
            )
            .fetch_one(&mut superuser)
            .await
            .expect("a count");
        }
        worker.stop().await;
        let statements = u32::try_from(counted[1] - counted[0]).expect("a count");
        f64::from(statements) / IDLE.as_secs_f64()
    }
}

/// A worker with connections of its own, as in a process of its own.
struct Running {
    stop: CancellationToken,
    worker: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(database: &TestDatabase, app: &App) -> Self {
        let registry = Registry::new()
            .job(nothing)
            .schedule("0 0 1 1 *", &Nothing { number: 0 });
        let runner: Arc<Runner<App>> = Runner::new(
            app.clone(),
            registry,
            connect(database),
            Clock::system(),
            Entropy::system(),
            Timing::default(),
        );
        let stop = CancellationToken::new();
        let worker = Worker::new(runner, WorkerSettings::default());
        Self {
            worker: tokio::spawn(worker.run(stop.clone())),
            stop,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        let worker = self.worker.await.expect("a worker that does not panic");
        worker.expect("a worker that stops");
    }
}

fn connect(database: &TestDatabase) -> Db {
    Db::new(&DbSettings {
        pool_size: 10,
        ..database.settings()
    })
    .expect("the database's address")
}

/// Does `work` so many times, with so many callers at once; times a second.
async fn rate<T, F: Future<Output = T>>(
    times: usize,
    callers: usize,
    work: impl Fn(usize) -> F,
) -> f64 {
    let since = Instant::now();
    let work = &work;
    let calling = (0..callers).map(async |caller| {
        for turn in (caller..times).step_by(callers) {
            work(turn).await;
        }
    });
    join_all(calling).await;
    to_f64(times) / since.elapsed().as_secs_f64()
}

fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
