//! How a run's job ends: done, to be tried again, handed back, or dead.

use chrono::{DateTime, Utc};
use kernel::JobId;
use sqlx::PgConnection;
use uuid::Uuid;

/// Marks a job done, if its lease is still the caller's; returns whether it was.
pub(in crate::jobs) async fn complete(
    connection: &mut PgConnection,
    id: JobId,
    lease_token: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let updated = sqlx::query!(
        "UPDATE platform.jobs
         SET state = 'done', finished_at = $3, lease_token = NULL, lease_until = NULL, last_error = NULL
         WHERE id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()",
        id.as_uuid(),
        lease_token,
        now,
    )
    .execute(connection)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Puts a job back to be tried again at `run_at`.
pub(in crate::jobs) async fn retry(
    connection: &mut PgConnection,
    id: JobId,
    lease_token: Uuid,
    run_at: DateTime<Utc>,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE platform.jobs
         SET state = 'ready', run_at = $3, last_error = $4, lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2",
        id.as_uuid(),
        lease_token,
        run_at,
        error,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a job back as if this run had not been.
pub(in crate::jobs) async fn hand_back(
    connection: &mut PgConnection,
    id: JobId,
    lease_token: Uuid,
    run_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE platform.jobs
         SET state = 'ready', run_at = $3, attempt = attempt - 1, lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2",
        id.as_uuid(),
        lease_token,
        run_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a job up: a person has to look at it.
pub(in crate::jobs) async fn bury(
    connection: &mut PgConnection,
    id: JobId,
    lease_token: Uuid,
    now: DateTime<Utc>,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE platform.jobs
         SET state = 'dead', finished_at = $3, last_error = $4, lease_token = NULL, lease_until = NULL
         WHERE id = $1 AND lease_token = $2",
        id.as_uuid(),
        lease_token,
        now,
        error,
    )
    .execute(connection)
    .await?;
    Ok(())
}
