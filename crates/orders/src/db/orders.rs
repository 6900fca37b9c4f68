use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use kernel::{EmailAddress, Money, OrderId, PaymentId, ProductId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::money;
use crate::address::{Address, AddressLine, Country};
use crate::cart::Quantity;
use crate::order::{Order, OrderLine, OrderNumber, TimelineEntry};

struct OrderRow {
    id: Uuid,
    number: i64,
    user_id: Uuid,
    status: String,
    total: i64,
    currency: String,
    email: String,
    name: String,
    street: String,
    postal_code: String,
    city: String,
    country: String,
    payment_id: Option<Uuid>,
    placed_at: DateTime<Utc>,
}

/// Selects orders. The columns stand here once, for every way of finding them.
macro_rules! select_orders {
    ($tail:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            OrderRow,
            "SELECT id, number, user_id, status, total, currency, email, name, street, postal_code, city, country,
                    payment_id, placed_at
             FROM orders.orders " + $tail
            $(, $value)*
        )
    };
}

/// A number that no other order has. It stays unused if the transaction is rolled back.
pub(crate) async fn next_number(connection: &mut PgConnection) -> anyhow::Result<OrderNumber> {
    let number = sqlx::query_scalar!(r#"SELECT nextval('orders.order_numbers') AS "number!""#)
        .fetch_one(connection)
        .await
        .context("draw order number")?;
    Ok(OrderNumber::new(number))
}

/// Inserts an order with its lines and the first entry of its timeline.
pub(crate) async fn insert(connection: &mut PgConnection, order: &Order) -> anyhow::Result<()> {
    let Address {
        name,
        street,
        postal_code,
        city,
        country,
    } = &order.delivery;
    let lines = || order.lines.iter();
    let products: Vec<_> = lines().map(|line| line.product_id.as_uuid()).collect();
    let titles: Vec<_> = lines().map(|line| line.title.clone()).collect();
    let quantities: Vec<_> = lines().map(|line| line.quantity.to_db()).collect();
    let prices: Vec<_> = lines().map(|line| line.unit_price.minor()).collect();
    sqlx::query!(
        "WITH placed AS (
             INSERT INTO orders.orders (id, number, user_id, status, total, currency, email, name, street,
                                        postal_code, city, country, placed_at, search)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
                     to_tsvector('english', $2::bigint || ' ' || array_to_string($15::text[], ' ')))
         ), entry AS (
             INSERT INTO orders.timeline (order_id, status, entered_at) VALUES ($1, $4, $13)
         )
         INSERT INTO orders.order_lines (order_id, product_id, title, quantity, unit_price)
         SELECT $1, * FROM unnest($14::uuid[], $15::text[], $16::int[], $17::bigint[])",
        order.id.as_uuid(),
        order.number.get(),
        order.user_id.as_uuid(),
        order.status.as_str(),
        order.total.minor(),
        order.total.currency().code(),
        order.email.as_str(),
        name.as_str(),
        street.as_str(),
        postal_code.as_str(),
        city.as_str(),
        country.code(),
        order.placed_at,
        &products,
        &titles,
        &quantities,
        &prices,
    )
    .execute(connection)
    .await
    .context("insert order")?;
    Ok(())
}

/// Saves the status that an order has entered.
pub(crate) async fn save_status(
    connection: &mut PgConnection,
    order: &Order,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let saved = sqlx::query!(
        "WITH moved AS (
             UPDATE orders.orders SET status = $2, payment_id = $3 WHERE id = $1 RETURNING id
         )
         INSERT INTO orders.timeline (order_id, status, entered_at) SELECT id, $2, $4 FROM moved",
        order.id.as_uuid(),
        order.status.as_str(),
        order.payment_id.map(PaymentId::as_uuid),
        now,
    )
    .execute(connection)
    .await
    .context("save order status")?;
    ensure!(
        saved.rows_affected() == 1,
        "the order vanished under its lock"
    );
    Ok(())
}

/// The order, locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    id: OrderId,
) -> anyhow::Result<Option<Order>> {
    let row = select_orders!("WHERE id = $1 FOR UPDATE", id.as_uuid())
        .fetch_optional(&mut *connection)
        .await;
    with_lines_of_one(connection, row).await
}

/// The order of this number if it is this person's, locked until the transaction ends.
pub(crate) async fn lock_own(
    connection: &mut PgConnection,
    user_id: UserId,
    number: OrderNumber,
) -> anyhow::Result<Option<Order>> {
    let row = select_orders!(
        "WHERE user_id = $1 AND number = $2 FOR UPDATE",
        user_id.as_uuid(),
        number.get()
    )
    .fetch_optional(&mut *connection)
    .await;
    with_lines_of_one(connection, row).await
}

/// The order of this number, whosesoever it is, locked until the transaction ends.
pub(crate) async fn lock_any(
    connection: &mut PgConnection,
    number: OrderNumber,
) -> anyhow::Result<Option<Order>> {
    let row = select_orders!("WHERE number = $1 FOR UPDATE", number.get())
        .fetch_optional(&mut *connection)
        .await;
    with_lines_of_one(connection, row).await
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    id: OrderId,
) -> anyhow::Result<Option<Order>> {
    let row = select_orders!("WHERE id = $1", id.as_uuid())
        .fetch_optional(&mut *connection)
        .await;
    with_lines_of_one(connection, row).await
}

/// The order of this number if it is this person's.
pub(crate) async fn find_own(
    connection: &mut PgConnection,
    user_id: UserId,
    number: OrderNumber,
) -> anyhow::Result<Option<Order>> {
    let row = select_orders!(
        "WHERE user_id = $1 AND number = $2",
        user_id.as_uuid(),
        number.get()
    )
    .fetch_optional(&mut *connection)
    .await;
    with_lines_of_one(connection, row).await
}

/// The person's orders that stand behind `(placed_at, id)`, newest first. Two statements, however many orders.
pub(crate) async fn list(
    connection: &mut PgConnection,
    user_id: UserId,
    (placed_at, id): (DateTime<Utc>, OrderId),
    rows: i64,
) -> anyhow::Result<Vec<Order>> {
    let rows = select_orders!(
        "WHERE user_id = $1 AND (placed_at, id) < ($2, $3) ORDER BY placed_at DESC, id DESC LIMIT $4",
        user_id.as_uuid(),
        placed_at,
        id.as_uuid(),
        rows
    )
    .fetch_all(&mut *connection)
    .await
    .context("list orders")?;
    with_lines(connection, rows).await
}

/// Those of [`list`] that match `words`.
pub(crate) async fn search(
    connection: &mut PgConnection,
    user_id: UserId,
    words: &str,
    (placed_at, id): (DateTime<Utc>, OrderId),
    rows: i64,
) -> anyhow::Result<Vec<Order>> {
    let rows = select_orders!(
        "WHERE user_id = $1 AND (placed_at, id) < ($2, $3) AND search @@ websearch_to_tsquery('english', $4)
         -- waive filter: the orders of one person, newest first, until a page is full
         ORDER BY placed_at DESC, id DESC LIMIT $5",
        user_id.as_uuid(),
        placed_at,
        id.as_uuid(),
        words,
        rows
    )
    .fetch_all(&mut *connection)
    .await
    .context("search orders")?;
    with_lines(connection, rows).await
}

/// When the order entered its statuses, in that order.
pub(crate) async fn timeline(
    connection: &mut PgConnection,
    id: OrderId,
) -> anyhow::Result<Vec<TimelineEntry>> {
    let mut timeline = sqlx::query!(
        "SELECT status, entered_at FROM orders.timeline WHERE order_id = $1",
        id.as_uuid(),
    )
    .fetch_all(connection)
    .await
    .context("select timeline")?
    .into_iter()
    .map(|row| {
        Ok(TimelineEntry {
            status: row.status.parse().context("read status")?,
            entered_at: row.entered_at,
        })
    })
    .collect::<anyhow::Result<Vec<_>>>()?;
    timeline.sort_unstable();
    Ok(timeline)
}

/// Up to 1,000 orders that were placed before `before` and are not paid, oldest first.
pub(crate) async fn list_unpaid(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> anyhow::Result<Vec<OrderId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM orders.orders
         WHERE status = 'placed' AND placed_at < $1
         ORDER BY placed_at
         LIMIT 1000",
        before,
    )
    .fetch_all(connection)
    .await
    .context("list unpaid orders")?;
    Ok(ids.into_iter().map(OrderId::from_uuid).collect())
}

async fn with_lines_of_one(
    connection: &mut PgConnection,
    row: sqlx::Result<Option<OrderRow>>,
) -> anyhow::Result<Option<Order>> {
    let rows = Vec::from_iter(row.context("select order")?);
    Ok(with_lines(connection, rows).await?.pop())
}

async fn with_lines(
    connection: &mut PgConnection,
    rows: Vec<OrderRow>,
) -> anyhow::Result<Vec<Order>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let lines = sqlx::query!(
        "SELECT order_id, product_id, title, quantity, unit_price
         FROM orders.order_lines WHERE order_id = ANY($1)
         ORDER BY order_id, product_id",
        &ids,
    )
    .fetch_all(connection)
    .await
    .context("select order lines")?;
    let mut orders = rows
        .into_iter()
        .map(Order::try_from)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut by_id: HashMap<_, _> = orders
        .iter_mut()
        .map(|order| (order.id.as_uuid(), order))
        .collect();
    for line in lines {
        if let Some(order) = by_id.get_mut(&line.order_id) {
            let unit_price = Money::new(line.unit_price, order.total.currency());
            let quantity = Quantity::from_db(line.quantity)?;
            order.lines.push(OrderLine {
                product_id: ProductId::from_uuid(line.product_id),
                title: line.title,
                quantity,
                unit_price,
                line_total: unit_price
                    .checked_mul(quantity.get())
                    .context("multiply price")?,
            });
        }
    }
    Ok(orders)
}

impl TryFrom<OrderRow> for Order {
    type Error = anyhow::Error;

    /// The order without its lines.
    fn try_from(row: OrderRow) -> anyhow::Result<Self> {
        let line = |text: &str| AddressLine::parse(text).context("read address");
        Ok(Self {
            id: OrderId::from_uuid(row.id),
            number: OrderNumber::new(row.number),
            user_id: UserId::from_uuid(row.user_id),
            status: row.status.parse().context("read status")?,
            lines: Vec::new(),
            total: money(row.total, &row.currency)?,
            email: EmailAddress::parse(&row.email).context("read e-mail address")?,
            delivery: Address {
                name: line(&row.name)?,
                street: line(&row.street)?,
                postal_code: line(&row.postal_code)?,
                city: line(&row.city)?,
                country: Country::parse(&row.country).context("read country")?,
            },
            payment_id: row.payment_id.map(PaymentId::from_uuid),
            placed_at: row.placed_at,
        })
    }
}
