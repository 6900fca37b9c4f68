use chrono::{DateTime, Utc};
use kernel::{PaymentId, RefundId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{money, unreadable};
use crate::refund::Refund;

struct RefundRow {
    id: Uuid,
    payment_id: Uuid,
    amount: i64,
    currency: String,
    status: String,
    reason: String,
    requested_by: Option<Uuid>,
    provider_refund_id: Option<String>,
    failure: Option<String>,
    requested_at: DateTime<Utc>,
}

impl TryFrom<RefundRow> for Refund {
    type Error = sqlx::Error;

    fn try_from(row: RefundRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: RefundId::from_uuid(row.id),
            payment_id: PaymentId::from_uuid(row.payment_id),
            amount: money(row.amount, &row.currency)?,
            status: row.status.parse().map_err(unreadable)?,
            reason: row.reason,
            requested_by: row.requested_by.map(UserId::from_uuid),
            provider_refund_id: row.provider_refund_id,
            failure: row.failure,
            requested_at: row.requested_at,
        })
    }
}

/// Reads refunds. The columns stand here once; what follows differs.
macro_rules! select_refunds {
    ($rest:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            RefundRow,
            "SELECT id, payment_id, amount, currency, status, reason, requested_by, provider_refund_id, failure,
                 requested_at
             FROM billing.refunds " + $rest,
            $($argument),+
        )
    };
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    id: RefundId,
) -> sqlx::Result<Option<Refund>> {
    select_refunds!("WHERE id = $1", id.as_uuid())
        .fetch_optional(connection)
        .await?
        .map(Refund::try_from)
        .transpose()
}

/// The refund that the provider knows by this id.
pub(crate) async fn find_of_provider(
    connection: &mut PgConnection,
    provider_refund_id: &str,
) -> sqlx::Result<Option<Refund>> {
    select_refunds!("WHERE provider_refund_id = $1", provider_refund_id)
        .fetch_optional(connection)
        .await?
        .map(Refund::try_from)
        .transpose()
}

/// The refunds of these ids.
pub(crate) async fn list(
    connection: &mut PgConnection,
    ids: &[RefundId],
) -> sqlx::Result<Vec<Refund>> {
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    select_refunds!("WHERE id = ANY($1)", &ids)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(Refund::try_from)
        .collect()
}

/// A payment's refunds, oldest first. Whoever acts on them has locked the payment.
pub(crate) async fn list_of_payment(
    connection: &mut PgConnection,
    payment_id: PaymentId,
) -> sqlx::Result<Vec<Refund>> {
    select_refunds!("WHERE payment_id = $1 ORDER BY id", payment_id.as_uuid())
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(Refund::try_from)
        .collect()
}

pub(crate) async fn insert(connection: &mut PgConnection, refund: &Refund) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO billing.refunds (id, payment_id, amount, currency, status, reason, requested_by, requested_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        refund.id.as_uuid(),
        refund.payment_id.as_uuid(),
        refund.amount.minor(),
        refund.amount.currency().code(),
        refund.status.as_str(),
        refund.reason,
        refund.requested_by.map(UserId::as_uuid),
        refund.requested_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores what can change about a refund; the caller has locked its payment.
pub(crate) async fn update(connection: &mut PgConnection, refund: &Refund) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "UPDATE billing.refunds SET status = $2, provider_refund_id = $3, failure = $4 WHERE id = $1",
        refund.id.as_uuid(),
        refund.status.as_str(),
        refund.provider_refund_id,
        refund.failure,
    )
    .execute(connection)
    .await?;
    super::one_row(updated)
}
