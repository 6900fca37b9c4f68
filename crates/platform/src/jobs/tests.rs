//! What the job system promises. `runs` is about single runs and their ends, `workers` about whole workers.
//!
//! Ten faults were seen in a widely used backend over PostgreSQL, and each has a test that shows this one free of it:
//! 1. no durable backoff: `a_failed_run_is_put_off_by_growing_pauses_that_stand_in_the_row`;
//! 2. a panic leaves the row running for ever: `a_run_that_panics_is_tried_again`;
//! 3. a worker that restarts never recovers its jobs: `the_jobs_of_a_vanished_worker_run_again`;
//! 4. delayed jobs do not run without polling: `a_delayed_job_runs_when_it_is_due_although_nobody_looks`;
//! 5. rescue ignores the limit of attempts: `what_takes_its_worker_down_three_times_is_dead`;
//! 6. an outage of the database kills the worker, and finished jobs run again:
//!    `an_outage_of_the_database_ends_no_worker_and_repeats_nothing`;
//! 7. schedules fire on every replica: `however_many_schedulers_there_are_a_tick_is_one_job`;
//! 8. finished rows stay for ever, and a shutdown costs an attempt: `finished_jobs_are_deleted_and_dead_ones_stay`,
//!    `a_shutdown_hands_back_what_does_not_end_in_time_without_counting_it`;
//! 9. a key that is taken aborts the caller's transaction: `of_a_thousand_racing_enqueues_with_one_key_one_stays`;
//! 10. enqueueing cannot join a transaction: `a_job_exists_if_and_only_if_its_transaction_committed`.

mod runs;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::*;
use crate::Platform;
use crate::events::Event;
use crate::testing::TestPlatform;

/// What a job of these tests does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Does {
    Succeed,
    Fail,
    Give,
    Panic,
    /// Waits for a permit of [`App::gate`] and succeeds.
    Wait,
    /// Waits likewise, with a transaction open.
    WaitInTx,
}

macro_rules! job {
    ($name:ident, $kind:literal, $queue:ident) => {
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        struct $name {
            number: u32,
            does: Does,
        }

        impl Job for $name {
            const KIND: &'static str = $kind;
            const QUEUE: Queue = Queue::$queue;
            const MAX_ATTEMPTS: i16 = 4;
        }
    };
}

job!(Work, "test.work", Default);
job!(Letter, "test.letter", Mail);
job!(Paper, "test.paper", Documents);

/// What a run leaves behind, in the transaction that completes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Worked {
    number: u32,
}

impl Event for Worked {
    const NAME: &'static str = "test.worked";
}

#[derive(Clone)]
struct App {
    platform: Platform,
    /// How many runs have begun: a permit each.
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

async fn work(app: App, run: JobRun, number: u32, does: Does) -> JobResult {
    app.begun.add_permits(1);
    let wait = async || app.gate.acquire().await.unwrap().forget();
    let mut tx = match does {
        Does::Fail => return Err(JobError::Retry(anyhow::anyhow!("not today"))),
        Does::Give => return Err(JobError::fail(anyhow::anyhow!("not ever"))),
        Does::Panic => panic!("oh no"),
        Does::Wait => {
            wait().await;
            run.begin().await?
        }
        Does::WaitInTx => {
            let tx = run.begin().await?;
            wait().await;
            tx
        }
        Does::Succeed => run.begin().await?,
    };
    app.platform
        .events
        .publish(&mut tx, &Worked { number })
        .await?;
    run.complete(tx).await
}

fn registry() -> Registry<App> {
    Registry::new()
        .job(|app, run, job: Work| work(app, run, job.number, job.does))
        .job(|app, run, job: Letter| work(app, run, job.number, job.does))
        .job(|app, run, job: Paper| work(app, run, job.number, job.does))
}

/// Short, and yet long enough for a busy machine.
fn short() -> Timing {
    Timing {
        lease: Duration::from_millis(1_500),
        heartbeat: Duration::from_millis(300),
        rescue: Duration::from_millis(200),
        look: Duration::from_millis(200),
        schedule: Duration::from_millis(100),
        drain: Duration::from_millis(300),
        ..Timing::default()
    }
}

/// A place to work, with its database.
struct Shop {
    platform: TestPlatform,
    app: App,
    clock: Clock,
}

impl Shop {
    async fn start() -> Self {
        let platform = TestPlatform::start(&[]).await;
        let app = App {
            platform: platform.clone(),
            begun: Arc::new(Semaphore::new(0)),
            gate: Arc::new(Semaphore::new(0)),
        };
        Self {
            clock: platform.clock.clone(),
            platform,
            app,
        }
    }

    /// The same on the machine's clock, for jobs that are due later.
    async fn start_in_real_time() -> Self {
        let mut shop = Self::start().await;
        shop.clock = Clock::system();
        shop
    }

    fn jobs(&self) -> Jobs {
        Jobs::new(self.clock.clone(), self.platform.entropy.clone())
    }

    fn runner(&self, timing: Timing) -> Arc<Runner<App>> {
        self.runner_on(self.platform.db.clone(), registry(), timing)
    }

    fn runner_on(
        &self,
        db: crate::db::Db,
        registry: Registry<App>,
        timing: Timing,
    ) -> Arc<Runner<App>> {
        let entropy = self.platform.entropy.clone();
        Runner::new(
            self.app.clone(),
            registry,
            db,
            self.clock.clone(),
            entropy,
            timing,
        )
    }

    async fn enqueue<J: Job>(&self, job: &J, how: Enqueue) {
        let mut tx = self.platform.db.begin().await.unwrap();
        self.jobs().enqueue_with(&mut tx, job, how).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn work(&self, number: u32, does: Does) {
        self.enqueue(&Work { number, does }, Enqueue::default())
            .await;
    }

    /// Whose effects are there, in order.
    async fn worked(&self) -> Vec<u32> {
        let worked = self.platform.published::<Worked>().await;
        worked.into_iter().map(|worked| worked.number).collect()
    }

    /// State, attempts and deaths of the only job.
    async fn row(&self) -> (String, i16, i16) {
        let [row] = &self.rows().await[..] else {
            panic!("one job was expected")
        };
        row.clone()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test looks at what was written"
    )]
    async fn rows(&self) -> Vec<(String, i16, i16)> {
        let mut connection = self.platform.db.acquire().await.unwrap();
        sqlx::query_as("SELECT state, attempt, deaths FROM platform.jobs ORDER BY state")
            .fetch_all(&mut *connection)
            .await
            .unwrap()
    }

    /// Waits until this many runs have begun since the last call.
    async fn begun(&self, runs: u32) {
        let begun = tokio::time::timeout(PATIENCE, self.app.begun.acquire_many(runs));
        begun.await.expect("a run that begins").unwrap().forget();
    }

    /// Lets waiting runs go on.
    fn open_gate(&self, runs: usize) {
        self.app.gate.add_permits(runs);
    }
}

/// Nobody waits as long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until it is so.
async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("{what}: waited in vain"));
}
