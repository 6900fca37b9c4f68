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

#[tokio::test]
async fn a_statement_that_nobody_answers_is_ended_within_two_seconds_and_others_are_told_at_once() {
    let platform = TestPlatform::start(&[]).await;
    let wire = platform.database().wire().await;
    let db = Db::new(&DbSettings {
        url: platform.database().url_over(&wire),
        pool_size: 2,
        // Nobody is told by this.
        acquire_timeout: Duration::from_hours(1),
    })
    .unwrap();
    let begun = std::cell::Cell::new(None);
    let waiting = db.unless_silent(async {
        let mut connection = db.acquire().await.unwrap();
        wire.set(State::Silent).await;
        // With the clock paused, waiting takes exactly as long as it is meant to.
        tokio::time::pause();
        begun.set(Some(tokio::time::Instant::now()));
        connection.ping().await
    });
    let ended = tokio::time::timeout(Duration::from_mins(1), waiting).await;
    ended.expect("told").expect_err("nobody answers");
    let waited = begun.get().unwrap().elapsed();
    assert!(waited <= Duration::from_secs(2), "{waited:?}");
    tokio::time::resume();

    let told = tokio::time::timeout(Duration::from_mins(1), db.unless_silent(is_reached(&db)));
    let told = told.await.expect("told at once").expect("not waiting");
    assert!(is_overload(&told.unwrap_err()));

    wire.set(State::Working).await;
    until_it_works(&db).await;
    while db.unless_silent(is_reached(&db)).await.unwrap().is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_statement_that_takes_long_is_waited_for_though_every_connection_is_held() {
    let platform = TestPlatform::start(&[]).await;
    let (_wire, db) = behind_a_wire(&platform).await;
    let waiting = db.unless_silent(async {
        let mut connection = db.acquire().await.unwrap();
        connection.execute("SELECT pg_sleep(4)").await
    });
    waiting.await.expect("the database answers others").unwrap();
}

#[tokio::test]
async fn work_that_holds_no_connection_goes_on_while_the_database_is_silent() {
    let platform = TestPlatform::start(&[]).await;
    let (wire, db) = behind_a_wire(&platform).await;
    wire.set(State::Silent).await;
    while db
        .unless_silent(is_reached(&db))
        .await
        .is_ok_and(|told| !told.unwrap_err().is::<Silent>())
    {}
    let elsewhere = tokio::time::sleep(Duration::from_secs(1));
    db.unless_silent(elsewhere)
        .await
        .expect("it waits for somebody else");
    // As a worker's: it has its own patience, and nobody whom to tell anything.
    let busy = is_reached(&db).await.unwrap_err();
    assert!(!busy.is::<Silent>(), "{busy:#}");
}
