use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::AuditEntry;

pub(super) async fn insert(
    connection: &mut PgConnection,
    entry: &AuditEntry,
    occurred_at: DateTime<Utc>,
    correlation_id: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO platform.audit_log
             (occurred_at, actor_id, action, subject_type, subject_id, before, after, correlation_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        occurred_at,
        entry.actor.map(kernel::UserId::as_uuid),
        entry.action,
        entry.subject_type,
        entry.subject_id,
        entry.before,
        entry.after,
        correlation_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}
