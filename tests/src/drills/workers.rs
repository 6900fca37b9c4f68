//! Workers that vanish, and one that comes back too late.
//!
//! What runs is real work, the opening of payments and the purge of what is old; what is watched is the database. Triggers
//! that the drill puts into its own shop's database make each run last, so that a fault hits it in its middle, and note
//! every completion in the transaction that makes it. A job whose effects were kept twice stands there twice.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at all schemas at once, which no module's checked queries can"
)]

use std::time::{Duration, Instant};

use kernel::Entropy;
use sqlx::AssertSqlSafe;
use tokio::time::sleep;

use super::{Books, Drill, Length, Measured};
use crate::signals::Frozen;
use crate::{Setup, Shop, eventually};

pub(super) const DRILLS: [Drill; 2] = [
    Drill {
        name: "workers-killed",
        fault: "`kill -9` of one of three workers, at random, again and again",
        expected: "lost 0, effects kept twice 0, stuck after 60 s 0",
        run: |length| Box::pin(workers_killed(length)),
    },
    Drill {
        name: "worker-frozen",
        fault: "`SIGSTOP` of a worker in the middle of its runs, until past its lease",
        expected: "another worker does the work, and the stale one cannot commit",
        run: |length| Box::pin(worker_frozen(length)),
    },
];

const WORKERS: usize = 3;
/// As many jobs as three workers hold: when no more are left, there is nothing more to kill them for.
const HELD: i64 = 8 * 3;

async fn workers_killed(length: Length) -> Measured {
    let setup = Setup::new("drill-workers-killed").without_worker();
    // The long form waits for real leases.
    let setup = match length {
        Length::Short => setup.with("JOB_LEASE_SECONDS", "5"),
        Length::Long => setup,
    };
    let shop = Shop::open(setup).await;
    let run_lasts = Duration::from_millis(length.pick(300, 200));
    watch(&shop, run_lasts).await;
    let jobs = length.pick(300, 10_000);
    place_orders(&shop, jobs).await;
    let books = Books::open(&shop).await;

    for _ in 0..WORKERS {
        shop.start_worker();
    }
    let kills = kill_workers(&shop, length).await;
    let since = Instant::now();
    eventually("jobs that end", async || {
        (count(&shop, UNFINISHED).await == 0).then_some(())
    })
    .await;
    let settled = since.elapsed();

    // What three deaths have hit is given up, and a person who knows why has it run again.
    let dead = count(&shop, DEAD).await;
    if dead > 0 {
        shop.run(&["jobs", "retry"]).await;
    }
    books.check(&shop, &[]).await;
    let interrupted = count(&shop, INTERRUPTED).await;
    assert!(
        interrupted > 0,
        "no kill hit a run: the drill shows nothing"
    );
    assert_eq!(count(&shop, LOST).await, 0, "jobs were lost");
    assert_eq!(count(&shop, TWICE).await, 0, "effects were kept twice");
    format!(
        "{jobs} jobs, {kills} kills hit {interrupted} jobs, {dead} of them thrice and retried by hand: lost 0, twice 0, \
         all done {:.0} s after the last kill",
        settled.as_secs_f64()
    )
}

/// Kills one worker after the other and starts another in its place, until little is left to do; how many it killed.
async fn kill_workers(shop: &Shop, length: Length) -> u64 {
    let (at_least, spread) = length.pick((300, 400), (1_000, 4_000));
    // However slow the machine is, there is an end.
    let at_most = length.pick(12, 80);
    let entropy = Entropy::seeded(10_000);
    let random = |below: u64| u64::from_le_bytes(entropy.bytes()) % below;
    let mut kills = 0;
    while kills < at_most && count(shop, UNFINISHED).await > HELD {
        sleep(Duration::from_millis(at_least + random(spread))).await;
        let worker = usize::try_from(random(3)).expect("one of three");
        shop.kill_worker(worker).await;
        shop.start_worker();
        kills += 1;
    }
    kills
}

async fn worker_frozen(length: Length) -> Measured {
    // Short, because PostgreSQL ends the session of a frozen client by itself after 15 s in the middle of a transaction
    // (`deploy/postgres/roles.sql`), and here it is the lease that is to be seen at work.
    let setup = Setup::new("drill-worker-frozen").without_worker();
    let shop = Shop::open(setup.with("JOB_LEASE_SECONDS", "3")).await;
    watch(&shop, Duration::from_secs(2)).await;
    let rounds = length.pick(1, 5);
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        slowest = slowest.max(freeze_one(&shop).await);
    }
    let interrupted = count(&shop, INTERRUPTED).await;
    format!(
        "{rounds} frozen in the middle of {interrupted} runs: another took over and was done after {:.0} s; {} stale \
         completions refused, twice 0",
        slowest.as_secs_f64(),
        refusals(&shop),
    )
}

/// Freezes a worker while it runs eight jobs, and wakes it when another worker has done what it held; how long that took.
///
/// Seven of the jobs hold locks that the other has to wait for. The eighth, a purge that finds nothing to delete, holds
/// none: it is done while its first worker stands still with the transaction open.
async fn freeze_one(shop: &Shop) -> Duration {
    place_orders(shop, 7).await;
    execute(shop, ENQUEUE_PURGE.to_owned()).await;
    let books = Books::open(shop).await;
    let refused = refusals(shop);

    shop.start_worker();
    eventually("eight runs in their middle", async || {
        let running = count(shop, RUNNING).await;
        (running == 8 && count(shop, DAWDLING).await == 8).then_some(())
    })
    .await;
    let frozen = Frozen::new(shop.worker_pids());
    let since = Instant::now();
    shop.start_worker();
    eventually("a purge by the other worker", async || {
        (count(shop, PURGING).await == 0).then_some(())
    })
    .await;
    let took = since.elapsed();
    drop(frozen);

    eventually("an end of the stale run", async || {
        let is_over = refusals(shop) > refused || count(shop, TWICE).await > 0;
        is_over.then_some(())
    })
    .await;
    books.check(shop, &[]).await;
    assert_eq!(count(shop, LOST).await, 0, "jobs were lost");
    assert_eq!(count(shop, TWICE).await, 0, "effects were kept twice");
    for _ in 0..2 {
        shop.kill_worker(0).await;
    }
    took
}

/// How often a worker was told that a run is no longer its own.
fn refusals(shop: &Shop) -> usize {
    shop.log("worker").matches("the lease was lost").count()
}

/// Notes completions from now on, and has runs last so long.
async fn watch(shop: &Shop, run_lasts: Duration) {
    let seconds = run_lasts.as_secs_f64();
    // The functions run with their owner's rights: the application's role knows nothing of this schema.
    execute(
        shop,
        format!(
            "CREATE SCHEMA drill;
             CREATE TABLE drill.completions (job_id uuid NOT NULL);
             INSERT INTO drill.completions SELECT id FROM platform.jobs WHERE state = 'done';
             CREATE FUNCTION drill.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN INSERT INTO drill.completions VALUES (NEW.id); RETURN NULL; END $$;
             CREATE TRIGGER note AFTER UPDATE ON platform.jobs FOR EACH ROW
                 WHEN (NEW.state = 'done') EXECUTE FUNCTION drill.note();
             CREATE FUNCTION drill.dawdle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
             CREATE TRIGGER dawdle BEFORE INSERT ON billing.payments FOR EACH ROW EXECUTE FUNCTION drill.dawdle();
             CREATE TRIGGER dawdle BEFORE DELETE ON platform.events FOR EACH STATEMENT EXECUTE FUNCTION drill.dawdle();"
        ),
    )
    .await;
}

/// Places orders as the application does, thousands at once: each with its event and the reaction to it.
async fn place_orders(shop: &Shop, orders: i32) {
    let mut connection = shop.connect().await;
    sqlx::query(
        "WITH model AS (
             SELECT placed.*, product.id AS product_id, product.title, product.price
             FROM orders.orders AS placed, orders.products AS product WHERE product.slug = 'everyday-mug' LIMIT 1
         ), placed AS (
             INSERT INTO orders.orders
                 (id, user_id, status, total, currency, email, name, street, postal_code, city, country, placed_at)
             SELECT gen_random_uuid(), user_id, 'placed', price, currency, email, name, street, postal_code, city, country,
                 now()
             FROM model, generate_series(1, $1)
             RETURNING id, number, user_id, total, currency, placed_at
         ), line AS (
             INSERT INTO orders.order_lines (order_id, product_id, title, quantity, unit_price)
             SELECT placed.id, product_id, title, 1, price FROM placed, model
         ), entry AS (
             INSERT INTO orders.timeline (order_id, status, entered_at) SELECT id, 'placed', placed_at FROM placed
         ), event AS (
             INSERT INTO platform.events (id, name, version, payload, occurred_at)
             SELECT gen_random_uuid(), 'orders.order_placed', 1, jsonb_build_object(
                 'order_id', id, 'number', number, 'user_id', user_id, 'placed_at', placed_at,
                 'total', jsonb_build_object('minor', total, 'currency', currency)
             ), placed_at
             FROM placed
             RETURNING id, payload, occurred_at
         )
         INSERT INTO platform.jobs (id, kind, version, queue, max_attempts, payload, unique_key, run_at, enqueued_at)
         SELECT gen_random_uuid(), 'billing.open_payment', 1, 'default', 20,
             jsonb_build_object('id', id, 'occurred_at', occurred_at, 'event', payload), id::text, occurred_at, occurred_at
         FROM event",
    )
    .bind(orders)
    .execute(&mut connection)
    .await
    .expect("orders that are placed");
}

const ENQUEUE_PURGE: &str =
    "INSERT INTO platform.jobs (id, kind, version, queue, max_attempts, payload, run_at, enqueued_at)
     VALUES (gen_random_uuid(), 'platform.purge_history', 1, 'reports', 20, '{}', now(), now())";
const UNFINISHED: &str = "SELECT count(*) FROM platform.jobs
    WHERE kind = 'billing.open_payment' AND state IN ('ready', 'running')";
const RUNNING: &str = "SELECT count(*) FROM platform.jobs WHERE state = 'running'";
const DAWDLING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'PgSleep'";
const PURGING: &str = "SELECT count(*) FROM platform.jobs
    WHERE kind = 'platform.purge_history' AND state <> 'done'";
const DEAD: &str = "SELECT count(*) FROM platform.jobs WHERE state = 'dead'";
const INTERRUPTED: &str = "SELECT count(*) FROM platform.jobs WHERE deaths > 0";
const LOST: &str = "SELECT count(*) FROM platform.jobs AS job WHERE kind = 'billing.open_payment'
    AND NOT EXISTS (SELECT FROM drill.completions AS completion WHERE completion.job_id = job.id)";
const TWICE: &str = "SELECT count(*) FROM (SELECT FROM drill.completions GROUP BY job_id HAVING count(*) > 1) AS twice";

async fn count(shop: &Shop, question: &'static str) -> i64 {
    let mut connection = shop.connect().await;
    sqlx::query_scalar(question)
        .fetch_one(&mut connection)
        .await
        .expect("a count")
}

async fn execute(shop: &Shop, statements: String) {
    let mut connection = shop.connect().await;
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut connection)
        .await
        .expect("statements that are carried out");
}
