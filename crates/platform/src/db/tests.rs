use std::time::{Duration, Instant};

use sqlx::Executor as _;

use super::*;
use crate::testing::{State, TestPlatform, Wire};

/// A pool of one connection, behind a wire.
async fn behind_a_wire(platform: &TestPlatform) -> (Wire, Db) {
    let wire = platform.database().wire().await;
    let settings = DbSettings {
        url: platform.database().url_over(&wire),
        pool_size: 1,
        acquire_timeout: Duration::from_millis(500),
    };
    (wire, Db::new(&settings).unwrap())
}

async fn is_reached(db: &Db) -> anyhow::Result<()> {
    let mut connection = db.acquire().await?;
    connection.ping().await.context("ping")
}

async fn until_it_works(db: &Db) {
    let started = Instant::now();
    while is_reached(db).await.is_err() {
        assert!(started.elapsed() < Duration::from_mins(1), "it never heals");
    }
}

#[tokio::test]
async fn a_connection_that_has_fallen_silent_takes_no_place_for_ever() {
    let platform = TestPlatform::start(&[]).await;
    let (wire, db) = behind_a_wire(&platform).await;
    for in_transaction in [false, true] {
        is_reached(&db).await.unwrap();
        let asked = async {
            let (mut connection, mut tx);
            let connection: &mut sqlx::PgConnection = if in_transaction {
                tx = db.begin().await.unwrap();
                &mut tx
            } else {
                connection = db.acquire().await.unwrap();
                &mut connection
            };
            wire.lose_connections();
            connection.ping().await
        };
        let given_up = tokio::time::timeout(Duration::from_millis(500), asked).await;
        given_up.expect_err("nobody answers");
        let busy = is_reached(&db).await.unwrap_err();
        assert!(is_overload(&busy), "{busy:#}");
        until_it_works(&db).await;
    }
}

#[tokio::test]
async fn whoever_asks_while_the_database_is_gone_or_silent_is_told_to_come_again() {
    let platform = TestPlatform::start(&[]).await;
    let (wire, db) = behind_a_wire(&platform).await;
    is_reached(&db).await.unwrap();
    for state in [State::Cut, State::Silent] {
        wire.set(state).await;
        let error = loop {
            // A connection that was in use a moment ago is not asked whether it still works.
            let asked = tokio::time::timeout(Duration::from_secs(2), is_reached(&db));
            match asked.await {
                Ok(Err(error)) => break error,
                Ok(Ok(())) => panic!("nobody can answer"),
                Err(_) => {}
            }
        };
        assert!(is_overload(&error), "{state:?}: {error:#}");
        wire.set(State::Working).await;
        until_it_works(&db).await;
    }
}

#[tokio::test]
async fn a_transaction_is_undone_unless_it_is_committed() {
    let platform = TestPlatform::start(&[]).await;
    let locks = async |db: &Db| {
        let mut tx = db.begin().await.unwrap();
        tx.execute("SELECT pg_advisory_xact_lock(7)").await.unwrap();
        tx
    };
    // The lock would be waited for, did an earlier transaction still hold it.
    drop(locks(&platform.db).await);
    locks(&platform.db).await.rollback().await.unwrap();
    locks(&platform.db).await.commit().await.unwrap();
    locks(&platform.db).await.commit().await.unwrap();
}
