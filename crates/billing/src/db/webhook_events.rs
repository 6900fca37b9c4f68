use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Files an event; returns whether it is new.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    id: &str,
    kind: &str,
    body: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.webhook_events (id, kind, body, received_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO NOTHING",
        id,
        kind,
        body,
        now,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Deletes the oldest events that came before `before`, at most 1,000; returns how many there were.
pub(crate) async fn delete_before(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM billing.webhook_events WHERE id IN (
             SELECT id FROM billing.webhook_events WHERE received_at < $1 ORDER BY received_at LIMIT 1000
         )",
        before,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
