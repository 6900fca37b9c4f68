use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::unreadable;
use crate::mismatch::{Mismatch, MismatchKind};

/// Notes a mismatch. Returns whether that is news: an open one that is seen again, as it was, is not.
pub(crate) async fn record(
    connection: &mut PgConnection,
    mismatch: &Mismatch,
) -> sqlx::Result<bool> {
    let recorded = sqlx::query!(
        "INSERT INTO billing.mismatches AS known (subject, kind, ours, theirs, first_seen_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (subject) DO UPDATE
         SET kind = excluded.kind, ours = excluded.ours, theirs = excluded.theirs,
             first_seen_at = excluded.first_seen_at, resolved_at = NULL
         WHERE known.resolved_at IS NOT NULL
            OR (known.kind, known.ours, known.theirs)
               IS DISTINCT FROM (excluded.kind, excluded.ours, excluded.theirs)",
        mismatch.subject,
        mismatch.kind.as_str(),
        mismatch.ours,
        mismatch.theirs,
        mismatch.first_seen_at,
    )
    .execute(connection)
    .await?;
    Ok(recorded.rows_affected() == 1)
}

/// Notes that the subject's mismatch is gone; returns whether there was one.
pub(crate) async fn resolve(
    connection: &mut PgConnection,
    subject: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let resolved = sqlx::query!(
        "UPDATE billing.mismatches SET resolved_at = $2 WHERE subject = $1 AND resolved_at IS NULL",
        subject,
        now,
    )
    .execute(connection)
    .await?;
    Ok(resolved.rows_affected() == 1)
}

/// The open mismatches, the oldest first, at most 1,000.
pub(crate) async fn list_open(connection: &mut PgConnection) -> sqlx::Result<Vec<Mismatch>> {
    let rows = sqlx::query!(
        "SELECT subject, kind, ours, theirs, first_seen_at FROM billing.mismatches
         WHERE resolved_at IS NULL ORDER BY first_seen_at LIMIT 1000",
    )
    .fetch_all(connection)
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(Mismatch {
            kind: row.kind.parse::<MismatchKind>().map_err(unreadable)?,
            subject: row.subject,
            ours: row.ours,
            theirs: row.theirs,
            first_seen_at: row.first_seen_at,
        })
    });
    read.collect()
}

/// How many are open.
pub(crate) async fn count_open(connection: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(subject) AS "count!" FROM billing.mismatches
         -- waive scan: the index holds nothing but what is open
         WHERE resolved_at IS NULL"#
    )
    .fetch_one(connection)
    .await
}
