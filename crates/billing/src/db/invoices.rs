use chrono::{DateTime, Utc};
use kernel::{InvoiceId, OrderId, RefundId, UserId};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::{money, unreadable};
use crate::invoice::{Content, Invoice};

struct InvoiceRow {
    id: Uuid,
    kind: String,
    number: String,
    order_id: Uuid,
    order_number: String,
    user_id: Uuid,
    refund_id: Option<Uuid>,
    content: Json<Content>,
    total: i64,
    currency: String,
    issued_at: DateTime<Utc>,
    rendered_at: Option<DateTime<Utc>>,
    sent_at: Option<DateTime<Utc>>,
}

impl TryFrom<InvoiceRow> for Invoice {
    type Error = sqlx::Error;

    fn try_from(row: InvoiceRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: InvoiceId::from_uuid(row.id),
            kind: row.kind.parse().map_err(unreadable)?,
            number: row.number,
            order_id: OrderId::from_uuid(row.order_id),
            order_number: row.order_number,
            user_id: UserId::from_uuid(row.user_id),
            refund_id: row.refund_id.map(RefundId::from_uuid),
            content: row.content.0,
            total: money(row.total, &row.currency)?,
            issued_at: row.issued_at,
            rendered_at: row.rendered_at,
            sent_at: row.sent_at,
        })
    }
}

/// Reads invoices and credit notes. The columns stand here once; what follows differs.
macro_rules! select_invoices {
    ($rest:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            InvoiceRow,
            r#"SELECT id, kind, number, order_id, order_number, user_id, refund_id,
                 content AS "content: Json<Content>", total, currency, issued_at, rendered_at, sent_at
             FROM billing.invoices "# + $rest,
            $($argument),+
        )
    };
}

fn all(rows: Vec<InvoiceRow>) -> sqlx::Result<Vec<Invoice>> {
    rows.into_iter().map(Invoice::try_from).collect()
}

fn at_most_one(row: Option<InvoiceRow>) -> sqlx::Result<Option<Invoice>> {
    row.map(Invoice::try_from).transpose()
}

/// Takes the next number of a series. Whoever asks next waits until this transaction ends, which is what keeps the
/// series without gaps: so this comes last before the insert.
pub(crate) async fn next_number(
    connection: &mut PgConnection,
    series: &str,
    year: i32,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "INSERT INTO billing.invoice_counters AS counter (series, year, last_number) VALUES ($1, $2, 1)
         ON CONFLICT (series, year) DO UPDATE SET last_number = counter.last_number + 1
         RETURNING last_number",
        series,
        year,
    )
    .fetch_one(connection)
    .await
}

pub(crate) async fn insert(connection: &mut PgConnection, invoice: &Invoice) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO billing.invoices
             (id, kind, number, order_id, order_number, user_id, refund_id, content, total, currency, issued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        invoice.id.as_uuid(),
        invoice.kind.as_str(),
        invoice.number,
        invoice.order_id.as_uuid(),
        invoice.order_number,
        invoice.user_id.as_uuid(),
        invoice.refund_id.map(RefundId::as_uuid),
        Json(&invoice.content) as _,
        invoice.total.minor(),
        invoice.total.currency().code(),
        invoice.issued_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    id: InvoiceId,
) -> sqlx::Result<Option<Invoice>> {
    let row = select_invoices!("WHERE id = $1", id.as_uuid());
    at_most_one(row.fetch_optional(connection).await?)
}

pub(crate) async fn find_of_user(
    connection: &mut PgConnection,
    user_id: UserId,
    id: InvoiceId,
) -> sqlx::Result<Option<Invoice>> {
    let row = select_invoices!(
        "WHERE id = $1 AND user_id = $2",
        id.as_uuid(),
        user_id.as_uuid()
    );
    at_most_one(row.fetch_optional(connection).await?)
}

/// The invoice of an order, without its credit notes.
pub(crate) async fn find_invoice_of_order(
    connection: &mut PgConnection,
    order_id: OrderId,
) -> sqlx::Result<Option<Invoice>> {
    let row = select_invoices!(
        "WHERE order_id = $1 AND kind = 'invoice'",
        order_id.as_uuid()
    );
    at_most_one(row.fetch_optional(connection).await?)
}

/// An order's papers, oldest first: one invoice and a credit note for each refund.
pub(crate) async fn list_of_order(
    connection: &mut PgConnection,
    user_id: UserId,
    order_id: OrderId,
) -> sqlx::Result<Vec<Invoice>> {
    let rows = select_invoices!(
        "-- waive filter: one order's papers, which are all of one person
         WHERE order_id = $1 AND user_id = $2 ORDER BY id",
        order_id.as_uuid(),
        user_id.as_uuid()
    );
    all(rows.fetch_all(connection).await?)
}

/// A person's papers behind the one with id `after`, newest first.
pub(crate) async fn list_of_user(
    connection: &mut PgConnection,
    user_id: UserId,
    after: Option<InvoiceId>,
    limit: i64,
) -> sqlx::Result<Vec<Invoice>> {
    // Every id is smaller than this one, so the first page needs no query of its own.
    let after = after.map_or(Uuid::max(), InvoiceId::as_uuid);
    let rows = select_invoices!(
        "WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        user_id.as_uuid(),
        after,
        limit
    );
    all(rows.fetch_all(connection).await?)
}

/// Notes that the document has been stored.
pub(crate) async fn set_rendered(
    connection: &mut PgConnection,
    id: InvoiceId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "UPDATE billing.invoices SET rendered_at = $2 WHERE id = $1",
        id.as_uuid(),
        now,
    )
    .execute(connection)
    .await?;
    super::one_row(updated)
}

/// Notes that the document has been mailed.
pub(crate) async fn set_sent(
    connection: &mut PgConnection,
    id: InvoiceId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "UPDATE billing.invoices SET sent_at = $2 WHERE id = $1",
        id.as_uuid(),
        now,
    )
    .execute(connection)
    .await?;
    super::one_row(updated)
}
