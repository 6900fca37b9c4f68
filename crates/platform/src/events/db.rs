use chrono::{DateTime, Utc};
use kernel::EventId;
use serde_json::Value;
use sqlx::PgConnection;

pub(super) async fn insert(
    connection: &mut PgConnection,
    id: EventId,
    name: &str,
    version: i16,
    payload: &Value,
    correlation_id: Option<&str>,
    occurred_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO platform.events (id, name, version, payload, correlation_id, occurred_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        name,
        version,
        payload,
        correlation_id,
        occurred_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn purge(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM platform.events WHERE id IN (
             SELECT id FROM platform.events WHERE occurred_at < $1 ORDER BY occurred_at LIMIT 1000
         )",
        before,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
