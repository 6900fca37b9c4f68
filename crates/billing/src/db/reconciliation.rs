//! How far the books have been compared with the provider's, and what has yet to be.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Up to when the provider's lists have been compared. Before the first time it is when the first payment was opened:
/// money from before that cannot be ours. `None` without payments.
pub(crate) async fn compared_until(
    connection: &mut PgConnection,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "SELECT coalesce(
             (SELECT compared_until FROM billing.reconciliation WHERE partner = 'payments'),
             (SELECT created_at FROM billing.payments ORDER BY id LIMIT 1)
         )"
    )
    .fetch_one(connection)
    .await
}

/// Notes how far it has been done. A run that is behind another takes nothing back.
pub(crate) async fn set_compared_until(
    connection: &mut PgConnection,
    until: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO billing.reconciliation AS known (partner, compared_until) VALUES ('payments', $1)
         ON CONFLICT (partner) DO UPDATE SET compared_until = greatest(known.compared_until, excluded.compared_until)",
        until,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that the provider has charged what these payments say; `intent_ids` are its own ids.
pub(crate) async fn confirm_payments(
    connection: &mut PgConnection,
    intent_ids: &[String],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE billing.payments SET confirmed_at = $2
         WHERE payment_intent_id = ANY($1) AND confirmed_at IS NULL",
        intent_ids,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that the provider has given back what these refunds say; `refund_ids` are its own ids.
pub(crate) async fn confirm_refunds(
    connection: &mut PgConnection,
    refund_ids: &[String],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE billing.refunds SET confirmed_at = $2
         WHERE provider_refund_id = ANY($1) AND confirmed_at IS NULL",
        refund_ids,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The provider's ids of charges that were booked before `before` and that it has not confirmed, at most 500.
pub(crate) async fn unconfirmed_charges(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT payment_intent_id AS "intent_id!" FROM billing.payments
         WHERE paid_at IS NOT NULL AND confirmed_at IS NULL AND paid_at < $1
         ORDER BY paid_at LIMIT 500"#,
        before,
    )
    .fetch_all(connection)
    .await
}

/// As [`unconfirmed_charges`], of refunds that were requested before `before`.
pub(crate) async fn unconfirmed_refunds(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT provider_refund_id AS "refund_id!" FROM billing.refunds
         WHERE status = 'succeeded' AND confirmed_at IS NULL AND requested_at < $1
         ORDER BY requested_at LIMIT 500"#,
        before,
    )
    .fetch_all(connection)
    .await
}

/// Checkout sessions that should have been over before `before`, and of which nobody has heard how they ended, at most
/// 500.
pub(crate) async fn overdue_sessions(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT session_id AS "session_id!" FROM billing.payments
         WHERE status = 'pending' AND session_expires_at < $1
         ORDER BY session_expires_at LIMIT 500"#,
        before,
    )
    .fetch_all(connection)
    .await
}
