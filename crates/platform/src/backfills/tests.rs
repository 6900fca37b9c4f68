mod life;
mod requirement;

use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::*;
use crate::jobs::{Registry, Report, Runner, Timing};
use crate::testing::TestPlatform;

/// Counts how often it has been at each row. Where `divisor` is 0 it fails.
struct CountVisits;

impl Backfill for CountVisits {
    const NAME: &'static str = "platform.count_visits";
    const TABLE: &'static str = "platform.things";
    type Key = i64;

    async fn batch(tx: &mut Tx, after: Option<i64>, limit: i64) -> anyhow::Result<Batch<i64>> {
        visit(tx, after, limit).await
    }
}

/// The same, having learnt something.
struct CountVisitsAgain;

impl Backfill for CountVisitsAgain {
    const NAME: &'static str = CountVisits::NAME;
    const VERSION: i16 = 2;
    const TABLE: &'static str = CountVisits::TABLE;
    type Key = i64;

    async fn batch(tx: &mut Tx, after: Option<i64>, limit: i64) -> anyhow::Result<Batch<i64>> {
        visit(tx, after, limit).await
    }
}

/// Does not keep to its limit.
struct Greedy;

impl Backfill for Greedy {
    const NAME: &'static str = "platform.greedy";
    const TABLE: &'static str = CountVisits::TABLE;
    type Key = i64;

    async fn batch(tx: &mut Tx, after: Option<i64>, limit: i64) -> anyhow::Result<Batch<i64>> {
        visit(tx, after, limit + 1).await
    }
}

/// Does not remember where it was.
struct Forgetful;

impl Backfill for Forgetful {
    const NAME: &'static str = "platform.forgetful";
    const TABLE: &'static str = CountVisits::TABLE;
    type Key = i64;

    async fn batch(tx: &mut Tx, _: Option<i64>, limit: i64) -> anyhow::Result<Batch<i64>> {
        visit(tx, None, limit).await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a table that exists in these tests alone"
)]
async fn visit(tx: &mut Tx, after: Option<i64>, limit: i64) -> anyhow::Result<Batch<i64>> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "UPDATE platform.things SET visits = visits + 1 / divisor
         WHERE id IN (SELECT id FROM platform.things WHERE id > $1 ORDER BY id LIMIT $2) RETURNING id",
    )
    .bind(after.unwrap_or(0))
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let number = i64::try_from(ids.len())?;
    Ok(Batch {
        last: ids.into_iter().max(),
        looked_at: number,
        changed: number,
    })
}

/// Batches of a thousand, however long they take.
const STEADY: Pace = Pace {
    first: MAX_BATCH,
    batch: Duration::from_hours(1),
    rest: Duration::from_secs(1),
};

/// A table of things to visit, numbered from 1.
struct Shelf {
    platform: TestPlatform,
}

impl Shelf {
    async fn with(things: i64) -> Self {
        let shelf = Self {
            platform: TestPlatform::start(&[]).await,
        };
        shelf
            .execute(&format!(
                "CREATE TABLE platform.things (
                     id bigint PRIMARY KEY, visits int NOT NULL DEFAULT 0, divisor int NOT NULL DEFAULT 1
                 );
                 GRANT SELECT, UPDATE ON platform.things TO app;
                 INSERT INTO platform.things (id) SELECT generate_series(1, {things});
                 ANALYZE platform.things"
            ))
            .await;
        shelf
    }

    async fn execute(&self, statements: &str) {
        let mut connection = self.connect().await;
        let statements = AssertSqlSafe(statements.to_owned());
        connection.execute(statements).await.unwrap();
    }

    async fn connect(&self) -> PgConnection {
        let url = self.platform.database().superuser_url();
        PgConnection::connect(url.as_str()).await.unwrap()
    }

    fn backfills(&self) -> Arc<Backfills> {
        let backfills = Backfills::new(&self.platform).at(STEADY);
        Arc::new(backfills.with::<CountVisits>())
    }

    fn runner(&self, backfills: &Arc<Backfills>) -> Arc<Runner<Arc<Backfills>>> {
        let registry =
            Registry::new().job(async |backfills: Arc<Backfills>, run, job: RunBatch| {
                backfills.run_batch(run, job).await
            });
        let (platform, timing) = (&self.platform, Timing::default());
        let (db, clock) = (platform.db.clone(), platform.clock.clone());
        Runner::new(
            backfills.clone(),
            registry,
            db,
            clock,
            platform.entropy.clone(),
            timing,
        )
    }

    /// Runs what is due now and then lets the longest rest pass.
    async fn work(&self, backfills: &Arc<Backfills>) -> Vec<Report> {
        let reports = self.runner(backfills).run_due().await.unwrap();
        self.platform.clock.advance(chrono::TimeDelta::hours(2));
        reports
    }

    /// How many things were visited so often.
    #[expect(
        clippy::disallowed_methods,
        reason = "a table that exists in these tests alone"
    )]
    async fn visited(&self, visits: i32) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM platform.things WHERE visits = $1")
            .bind(visits)
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap()
    }

    /// Waits until so many connections wait for each other's locks.
    #[expect(
        clippy::disallowed_methods,
        reason = "this asks the catalogue, of which no module's role may see enough"
    )]
    async fn blocked(&self, connections: i64) {
        let mut connection = self.connect().await;
        let looking = async {
            loop {
                let blocked: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'",
                )
                .fetch_one(&mut connection)
                .await
                .unwrap();
                if blocked == connections {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(30), looking).await;
        seen.expect("connections that wait for a lock");
    }
}
