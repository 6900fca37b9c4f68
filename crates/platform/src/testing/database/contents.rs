//! What stands in a test's database.

use std::collections::BTreeMap;

use kernel::EventId;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use url::Url;

use crate::events::Envelope;

/// The payloads of the events called `name`, in the order they were published. Their times and ids cannot tell it, because
/// a test's clock stands still; where the rows lie can, because events are never updated.
pub(in crate::testing) async fn events(connection: &mut PgConnection, name: &str) -> Vec<Value> {
    sqlx::query_scalar!(
        "SELECT payload FROM platform.events WHERE name = $1 ORDER BY ctid",
        name
    )
    .fetch_all(connection)
    .await
    .expect("a list of events")
}

/// An event, as its row has it.
#[derive(Clone, Debug)]
pub struct PublishedEvent {
    /// What happened.
    pub name: String,
    pub(crate) version: i16,
    pub(crate) envelope: Envelope<Value>,
}

/// Every event, in the order they were published.
pub(in crate::testing) async fn all_events(connection: &mut PgConnection) -> Vec<PublishedEvent> {
    let rows = sqlx::query!(
        "SELECT id, name, version, payload, occurred_at FROM platform.events ORDER BY ctid"
    )
    .fetch_all(connection)
    .await
    .expect("a list of events");
    let events = rows.into_iter().map(|row| PublishedEvent {
        name: row.name,
        version: row.version,
        envelope: Envelope {
            id: EventId::from_uuid(row.id),
            occurred_at: row.occurred_at,
            event: row.payload,
        },
    });
    events.collect()
}

/// Every row of every table but those of migrations, by the table's name.
#[expect(
    clippy::disallowed_methods,
    reason = "the tables are known when the test runs"
)]
pub(in crate::testing) async fn dump(url: &Url) -> BTreeMap<String, Vec<Value>> {
    let mut connection = PgConnection::connect(url.as_str())
        .await
        .expect("a connection");
    let tables = sqlx::query_scalar!(
        r#"SELECT format('%I.%I', schemaname, tablename) AS "name!" FROM pg_tables
           WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename NOT LIKE '%migrations'"#
    )
    .fetch_all(&mut connection)
    .await
    .expect("a list of tables");
    let mut dump = BTreeMap::new();
    for table in tables {
        let rows = format!("SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows));
        let rows = rows.fetch_all(&mut connection).await.expect("all rows");
        dump.insert(table, rows);
    }
    dump
}

/// Kind and payload of the jobs that have yet to run. In order as [`events`] are, except that a retried job goes to the end.
pub(in crate::testing) async fn jobs_waiting(
    connection: &mut PgConnection,
) -> Vec<(String, Value)> {
    let rows =
        sqlx::query!("SELECT kind, payload FROM platform.jobs WHERE state = 'ready' ORDER BY ctid")
            .fetch_all(connection)
            .await
            .expect("a list of jobs");
    rows.into_iter()
        .map(|row| (row.kind, row.payload))
        .collect()
}
