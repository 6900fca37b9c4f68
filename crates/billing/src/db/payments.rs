use chrono::{DateTime, Utc};
use kernel::{OrderId, PaymentId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{money, unreadable};
use crate::payment::{Attempt, Payment, Session};

struct PaymentRow {
    id: Uuid,
    order_id: Uuid,
    order_number: String,
    user_id: Uuid,
    amount: i64,
    currency: String,
    status: String,
    session_attempt: Option<i32>,
    session_expires_at: Option<DateTime<Utc>>,
    session_id: Option<String>,
    session_url: Option<String>,
    payment_intent_id: Option<String>,
    paid_at: Option<DateTime<Utc>>,
    failure: Option<String>,
    created_at: DateTime<Utc>,
}

impl TryFrom<PaymentRow> for Payment {
    type Error = sqlx::Error;

    fn try_from(row: PaymentRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: PaymentId::from_uuid(row.id),
            order_id: OrderId::from_uuid(row.order_id),
            order_number: row.order_number,
            user_id: UserId::from_uuid(row.user_id),
            amount: money(row.amount, &row.currency)?,
            status: row.status.parse().map_err(unreadable)?,
            attempt: row
                .session_attempt
                .zip(row.session_expires_at)
                .map(|(number, expires_at)| Attempt { number, expires_at }),
            session: row
                .session_id
                .zip(row.session_url)
                .map(|(id, url)| Session { id, url }),
            intent_id: row.payment_intent_id,
            paid_at: row.paid_at,
            failure: row.failure,
            created_at: row.created_at,
        })
    }
}

/// Selects payments. The columns stand here once; what follows differs.
macro_rules! select_payments {
    ($rest:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            PaymentRow,
            "SELECT id, order_id, order_number, user_id, amount, currency, status, session_attempt, session_expires_at,
                 session_id, session_url, payment_intent_id, paid_at, failure, created_at
             FROM billing.payments " + $rest,
            $($argument),+
        )
    };
}

/// Reads one payment.
macro_rules! fetch_payment {
    ($connection:expr, $rest:tt, $($argument:expr),+) => {
        select_payments!($rest, $($argument),+)
            .fetch_optional($connection)
            .await?
            .map(Payment::try_from)
            .transpose()
    };
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    id: PaymentId,
) -> sqlx::Result<Option<Payment>> {
    fetch_payment!(connection, "WHERE id = $1", id.as_uuid())
}

pub(crate) async fn find_of_order(
    connection: &mut PgConnection,
    user_id: UserId,
    order_id: OrderId,
) -> sqlx::Result<Option<Payment>> {
    fetch_payment!(
        connection,
        "WHERE order_id = $1 AND user_id = $2",
        order_id.as_uuid(),
        user_id.as_uuid()
    )
}

/// The payment of a charge, by the provider's id.
pub(crate) async fn find_of_intent(
    connection: &mut PgConnection,
    intent_id: &str,
) -> sqlx::Result<Option<Payment>> {
    fetch_payment!(connection, "WHERE payment_intent_id = $1", intent_id)
}

/// The payments of these charges, by the provider's ids.
pub(crate) async fn list_of_intents(
    connection: &mut PgConnection,
    intent_ids: &[String],
) -> sqlx::Result<Vec<Payment>> {
    select_payments!("WHERE payment_intent_id = ANY($1)", intent_ids)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(Payment::try_from)
        .collect()
}

/// The payment, which nobody else can change until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: PaymentId,
) -> sqlx::Result<Option<Payment>> {
    fetch_payment!(connection, "WHERE id = $1 FOR UPDATE", id.as_uuid())
}

/// As [`lock`], by order.
pub(crate) async fn lock_of_order(
    connection: &mut PgConnection,
    order_id: OrderId,
) -> sqlx::Result<Option<Payment>> {
    fetch_payment!(
        connection,
        "WHERE order_id = $1 FOR UPDATE",
        order_id.as_uuid()
    )
}

/// As [`lock`], by the number that people quote.
pub(crate) async fn lock_of_order_number(
    connection: &mut PgConnection,
    order_number: &str,
) -> sqlx::Result<Option<Payment>> {
    fetch_payment!(
        connection,
        "WHERE order_number = $1 FOR UPDATE",
        order_number
    )
}

/// Inserts a payment that has just been opened, unless one of its order or its order number is there. Returns whether it
/// was inserted.
///
/// No constraint is named, so that each of them counts: a copy that races past the look at a named one runs into the
/// other, and fails.
pub(crate) async fn insert(connection: &mut PgConnection, payment: &Payment) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.payments (id, order_id, order_number, user_id, amount, currency, status, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT DO NOTHING",
        payment.id.as_uuid(),
        payment.order_id.as_uuid(),
        payment.order_number,
        payment.user_id.as_uuid(),
        payment.amount.minor(),
        payment.amount.currency().code(),
        payment.status.as_str(),
        payment.created_at,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Stores what can change about a payment; the caller has locked it.
pub(crate) async fn update(connection: &mut PgConnection, payment: &Payment) -> sqlx::Result<()> {
    let (attempt, session) = (payment.attempt.as_ref(), payment.session.as_ref());
    let updated = sqlx::query!(
        "UPDATE billing.payments
         SET status = $2, session_attempt = $3, session_expires_at = $4, session_id = $5, session_url = $6,
             payment_intent_id = $7, paid_at = $8, failure = $9
         WHERE id = $1",
        payment.id.as_uuid(),
        payment.status.as_str(),
        attempt.map(|it| it.number),
        attempt.map(|it| it.expires_at),
        session.map(|it| it.id.as_str()),
        session.map(|it| it.url.as_str()),
        payment.intent_id,
        payment.paid_at,
        payment.failure,
    )
    .execute(connection)
    .await?;
    super::one_row(updated)
}
