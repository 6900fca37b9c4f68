//! What the database tells about slow statements, and that it tells so in production too.

use std::fmt::Debug;
use std::fs;
use std::sync::{Arc, Mutex};

use platform::testing::TestDatabase;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tracing::field::Field;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// Twice as long as what passes for quick.
const SLOW: &str = "SELECT pg_sleep(0.4), $1::text AS somebodys";

async fn superuser(database: &TestDatabase) -> PgConnection {
    let connection = PgConnection::connect(database.superuser_url().as_str()).await;
    connection.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "no module sends it")]
async fn send_slow(connection: &mut PgConnection) {
    let sent = sqlx::query(SLOW).bind("ada@example.test");
    sent.execute(connection).await.unwrap();
}

/// What PostgreSQL logs about this thread's sessions that ask to be told.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Logged {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            event.record(&mut |_: &Field, value: &dyn Debug| {
                self.0.lock().unwrap().push(format!("{value:?}"));
            });
        }
    }
}

#[tokio::test]
async fn a_slow_statement_is_logged_with_its_plan_and_without_anybodys_values() {
    let database = TestDatabase::create(&[]).await;
    let mut connection = superuser(&database).await;
    // Other tests run beside this one and listen to nothing, for which the events would be switched off.
    let _first = tracing::subscriber::set_global_default(tracing_subscriber::registry());
    let logged = Logged::default();
    let _listening =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(logged.clone()));
    let told = connection.execute("SET client_min_messages = log").await;
    told.unwrap();
    connection.execute("SELECT 'quick'").await.unwrap();
    send_slow(&mut connection).await;

    let logged = logged.0.lock().unwrap().join("\n");
    for part in ["plan:", SLOW, "Result  (cost="] {
        assert!(logged.contains(part), "no {part} in: {logged}");
    }
    for part in ["quick", "ada@example.test"] {
        assert!(!logged.contains(part), "{part} in: {logged}");
    }
}

#[tokio::test]
async fn the_statements_that_cost_most_come_first() {
    let database = TestDatabase::create(&[]).await;
    let mut connection = superuser(&database).await;
    // As deploy/postgres/roles.sql does.
    let made = connection
        .execute("CREATE EXTENSION pg_stat_statements")
        .await;
    made.unwrap();
    for _ in 0..2 {
        send_slow(&mut connection).await;
    }
    for _ in 0..3 {
        connection.execute("SELECT 'quick'").await.unwrap();
    }
    let slowest = fs::read_to_string("../deploy/postgres/slowest.sql").unwrap();
    let rows = connection.fetch_all(AssertSqlSafe(slowest)).await.unwrap();
    let first = &rows[0];
    assert_eq!(first.get::<i64, _>("calls"), 2);
    assert_eq!(
        first.get::<String, _>("statement"),
        "SELECT pg_sleep($2), $1::text AS somebodys"
    );
}

#[tokio::test]
async fn production_watches_statements_as_every_test_does() {
    let database = TestDatabase::create(&[]).await;
    let mut connection = superuser(&database).await;
    let settings = fs::read_to_string("../deploy/postgres/postgresql.conf").unwrap();
    for name in ["shared_preload_libraries", "auto_explain.log_min_duration"] {
        let show = connection.fetch_one(AssertSqlSafe(format!("SHOW {name}")));
        let here: String = show.await.unwrap().get(0);
        let there = settings.lines().find_map(|line| line.strip_prefix(name));
        let there = there.and_then(|value| value.strip_prefix(" = "));
        assert_eq!(there.map(|value| value.trim_matches('\'')), Some(&*here));
    }
}
