//! What a person does with jobs that were given up.

use chrono::{DateTime, Utc};
use kernel::JobId;
use sqlx::PgConnection;

use crate::jobs::DeadJob;

/// The jobs that were given up, the latest first.
pub(in crate::jobs) async fn list_dead(
    connection: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<Vec<DeadJob>> {
    let rows = sqlx::query!(
        "SELECT id, kind, payload, attempt, deaths, last_error, finished_at FROM platform.jobs
         WHERE state = 'dead' ORDER BY finished_at DESC LIMIT $1",
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadJob {
            id: JobId::from_uuid(row.id),
            kind: row.kind,
            payload: row.payload,
            attempts: row.attempt,
            deaths: row.deaths,
            error: row.last_error.unwrap_or_default(),
            died_at: row.finished_at,
        })
        .collect())
}

/// Gives a dead job all its attempts back; the queue that it waits in now.
pub(in crate::jobs) async fn revive(
    connection: &mut PgConnection,
    id: JobId,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "UPDATE platform.jobs SET state = 'ready', attempt = 0, deaths = 0, run_at = $2, finished_at = NULL
         WHERE id = $1 AND state = 'dead' RETURNING queue",
        id.as_uuid(),
        now,
    )
    .fetch_optional(connection)
    .await
}

/// Deletes a dead job; returns whether there was one.
pub(in crate::jobs) async fn discard(
    connection: &mut PgConnection,
    id: JobId,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM platform.jobs WHERE id = $1 AND state = 'dead'",
        id.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected() == 1)
}
