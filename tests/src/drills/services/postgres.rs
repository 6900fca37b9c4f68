//! PostgreSQL stands still, or drops everybody.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at all schemas at once, which no module's checked queries can"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use sqlx::{Executor as _, PgConnection};
use tokio::time::sleep;

use super::CROWD;
use crate::customer::Customer;
use crate::drills::load::{Answers, PUBLIC, a_full_shelf, buy_until, healed, look_until};
use crate::drills::{Books, Length, Measured};
use crate::{PAUSE, Setup, Shop, eventually};

/// How long people may wait for a database that is silent, on a machine that others keep busy: between the 2 s of the
/// requirement and the 10 s after which a request ends in any case.
const WAIT: Duration = Duration::from_secs(5);

/// How many requests are in the middle of a statement when the database stops.
const IN_THE_MIDDLE: i64 = 4;

pub(super) async fn frozen(length: Length) -> Measured {
    let shop = Shop::open(with_jobs("drill-postgres-frozen", length)).await;
    let (mut stood, mut recovery) = (Instant::now(), Duration::ZERO);
    let (answers, orders) = under_load(&shop, length, async |shop: &Shop| {
        let shelves = locked_shelves(shop).await;
        let frozen = shop.freeze_postgres().await;
        stood = Instant::now();
        // Both forms outlast what is asserted, the long one the deadline of a request too.
        while stood.elapsed() < Duration::from_secs(length.pick(8, 15)) {
            let alive = shop.client().get(shop.url("/livez")).send().await;
            assert_eq!(alive.expect("an answer").status(), 200);
            sleep(PAUSE).await;
        }
        drop((frozen, shelves));
        recovery = healed(shop, "/products").await;
    })
    .await;
    answers.require(&[200, 503]);
    assert!(recovery <= Duration::from_secs(30), "ill for {recovery:?}");
    let waits = answers.waits_since(stood);
    let (late, longest) = (
        waits.iter().filter(|wait| **wait > WAIT).count(),
        waits.iter().max().copied().unwrap_or_default(),
    );
    assert_eq!(late, 0, "waited for more than {WAIT:?}, up to {longest:?}");
    let refused = answers.since(stood).with(|status| status == 503);
    assert!(
        refused.count() > 0,
        "nobody was refused: the drill shows nothing"
    );
    format!(
        "{IN_THE_MIDDLE} or more in the middle of a statement, {} × 503 to others after {:.1} s (median); longest wait {:.1} s, \
         `/livez` 200, well {:.1} s after, {} orders: lost 0",
        refused.count(),
        refused.percentile(50).as_secs_f64(),
        longest.as_secs_f64(),
        recovery.as_secs_f64(),
        orders.len(),
    )
}

/// Keeps people in the middle of statements that read the shelves, until the connection is dropped.
async fn locked_shelves(shop: &Shop) -> PgConnection {
    let mut locker = shop.connect().await;
    let lock = locker.execute("BEGIN; LOCK TABLE orders.products").await;
    lock.expect("shelves that can be locked");
    eventually("people who wait for the shelves", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'orders.products'::regclass",
        )
        .fetch_one(&mut locker)
        .await
        .expect("a count");
        (waiting >= IN_THE_MIDDLE).then_some(())
    })
    .await;
    locker
}

pub(super) async fn sessions_dropped(length: Length) -> Measured {
    let shop = Shop::open(with_jobs("drill-sessions-dropped", length)).await;
    let drops = length.pick(3, 30);
    let mut slowest = Duration::ZERO;
    let (answers, orders) = under_load(&shop, length, async |shop: &Shop| {
        for drop in 0..drops {
            shop.database().end_sessions().await;
            slowest = slowest.max(healed(shop, "/products").await);
            // At another moment of the orders' lives each time.
            sleep(Duration::from_millis(700 + 137 * drop % 600)).await;
        }
        workers_listen(shop).await;
    })
    .await;
    answers.require(&[200, 503]);
    assert!(slowest <= Duration::from_secs(5), "away for {slowest:?}");
    format!(
        "{drops} times: there again after {:.0} ms at most, {} of {} pages were 503, {} orders: lost 0, workers listen",
        slowest.as_secs_f64() * 1_000.0,
        answers.with(|status| status == 503).count(),
        answers.count(),
        orders.len(),
    )
}

/// A shop in which a job whose end could not be recorded runs again when its lease is over: in the short form, soon.
fn with_jobs(name: &str, length: Length) -> Setup {
    let setup = Setup::new(name);
    match length {
        Length::Short => setup.with("JOB_LEASE_SECONDS", "3"),
        Length::Long => setup,
    }
}

/// Has people look and buy while `harm` goes on, and a little before; what they saw, and which orders they were told of.
async fn under_load(
    shop: &Shop,
    length: Length,
    harm: impl AsyncFnOnce(&Shop),
) -> (Answers, Vec<String>) {
    let customers = Customer::crowd(shop, length.pick(2, 4)).await;
    let mug = a_full_shelf(shop).await;
    let books = Books::open(shop).await;
    let is_over = AtomicBool::new(false);
    let buying = customers
        .iter()
        .map(|customer| buy_until(shop, customer, &mug, &is_over, &is_over));
    let harming = async {
        sleep(Duration::from_secs(1)).await;
        harm(shop).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let (answers, orders, ()) = tokio::join!(
        look_until(shop, CROWD, &[], &PUBLIC, &is_over),
        join_all(buying),
        harming,
    );
    let orders = orders.concat();
    books.check(shop, &orders).await;
    (answers, orders)
}

/// Waits until a worker is called by whoever enqueues, and does not have to look by itself.
async fn workers_listen(shop: &Shop) {
    eventually("a worker that listens", async || {
        let mut connection = shop.connect().await;
        let listening: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN %'",
        )
        .fetch_one(&mut connection)
        .await
        .ok()?;
        (listening > 0).then_some(())
    })
    .await;
}
