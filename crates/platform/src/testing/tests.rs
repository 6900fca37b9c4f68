use kernel::Token;
use serde::Serialize;
use sqlx::{AssertSqlSafe, Executor as _};

use super::*;
use crate::jobs::{JobError, Queue};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Painted {
    colour: String,
}

impl Event for Painted {
    const NAME: &'static str = "fence.painted";
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Dry {
    hours: u8,
}

impl Job for Dry {
    const KIND: &'static str = "fence.dry";
    const QUEUE: Queue = Queue::Documents;
}

#[tokio::test]
async fn what_a_test_does_is_seen_by_it_in_order_and_by_no_other() {
    let (platform, other) = tokio::join!(TestPlatform::start(&[]), TestPlatform::start(&[]));
    let mut tx = platform.db.begin().await.unwrap();
    for hours in 1..=20 {
        let colour = format!("colour {hours}");
        platform
            .events
            .publish(&mut tx, &Painted { colour })
            .await
            .unwrap();
        platform
            .jobs
            .enqueue(&mut tx, &Dry { hours })
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();

    let colours: Vec<_> = (1..=20)
        .map(|n| Painted {
            colour: format!("colour {n}"),
        })
        .collect();
    assert_eq!(platform.published::<Painted>().await, colours);
    let jobs: Vec<_> = (1..=20).map(|hours| Dry { hours }).collect();
    assert_eq!(platform.jobs_of::<Dry>().await, jobs);
    assert_eq!(platform.jobs_waiting().await.len(), 20);

    assert!(other.published::<Painted>().await.is_empty());
    assert!(other.jobs_waiting().await.is_empty());
}

#[tokio::test]
async fn a_handler_runs_under_a_real_lease() {
    let platform = TestPlatform::start(&[]).await;
    let done = platform
        .run_job(
            async |run, job: Dry| {
                assert_eq!((run.attempt(), job.hours), (1, 8));
                let mut tx = run.begin().await?;
                platform.jobs.enqueue(&mut tx, &Dry { hours: 9 }).await?;
                run.complete(tx).await
            },
            Dry { hours: 8 },
        )
        .await;
    done.unwrap();
    assert_eq!(platform.jobs_of::<Dry>().await, [Dry { hours: 9 }]);

    let given_up = platform
        .run_job(
            async |_, _: Dry| Err(JobError::fail(anyhow::anyhow!("it rains"))),
            Dry { hours: 1 },
        )
        .await;
    assert!(matches!(given_up, Err(JobError::Fail(_))));
}

#[tokio::test]
async fn the_platform_connects_with_the_rights_of_the_application() {
    let platform = TestPlatform::start(&[]).await;
    let mut connection = platform.db.acquire().await.unwrap();
    let role = sqlx::query_scalar!(r#"SELECT session_user::text AS "role!""#)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(role, "app");
    for statement in ["CREATE TABLE platform.x ()", "DROP TABLE platform.jobs"] {
        assert!(connection.execute(AssertSqlSafe(statement)).await.is_err());
    }
}

#[tokio::test]
async fn the_database_is_gone_when_the_test_is_over() {
    let platform = TestPlatform::start(&[]).await;
    let settings = platform.db_settings();
    let still_open = platform.db.begin().await.unwrap();
    drop(platform);
    drop(still_open);
    let error = Db::new(&settings).unwrap().acquire().await.unwrap_err();
    assert!(format!("{error:#}").contains("does not exist"), "{error:#}");
}

#[tokio::test]
async fn the_clock_stands_still_and_everybody_shares_it() {
    let platform = TestPlatform::start(&[]).await;
    assert_eq!(
        platform.clock.now().to_rfc3339(),
        "2026-01-05T12:00:00+00:00"
    );
    let url = platform
        .storage
        .presign_get(&"a".parse().unwrap(), Duration::from_mins(1), None)
        .await
        .unwrap();
    platform.clock.advance(chrono::TimeDelta::minutes(1));
    let expired = platform
        .storage
        .verify_signed(&http::Method::GET, "a", url.query().unwrap());
    assert!(expired.is_err());
}

#[tokio::test]
async fn seeded_randomness_is_the_same_in_every_test() {
    let (one, two) = tokio::join!(TestPlatform::start(&[]), TestPlatform::start(&[]));
    let reveal = |platform: &TestPlatform| Token::generate(&platform.entropy).reveal();
    assert_eq!(reveal(&one), reveal(&two));
}

#[tokio::test]
async fn a_flag_that_a_test_sets_is_seen_at_once() {
    let platform = TestPlatform::start(&[]).await;
    assert!(platform.flags.is_on(Flag::SignUpOpen).await);
    platform.set_flag(Flag::SignUpOpen, false).await;
    assert!(!platform.flags.is_on(Flag::SignUpOpen).await);
}
