use anyhow::Context as _;
use kernel::OrderId;
use platform::backfills::Batch;
use sqlx::PgConnection;
use uuid::Uuid;

/// Gives the first `limit` orders behind `after` what they are found by, if they have it not: word for word what
/// `db::orders::insert` writes.
pub(crate) async fn fill(
    connection: &mut PgConnection,
    after: Option<OrderId>,
    limit: i64,
) -> anyhow::Result<Batch<OrderId>> {
    let row = sqlx::query!(
        r#"WITH most AS (
             -- A limit that is not known is planned for a tenth of the table.
             SELECT id FROM orders.orders WHERE id > $1 ORDER BY id LIMIT 1000
         ), batch AS (
             SELECT id FROM most ORDER BY id LIMIT $2
         ), filled AS (
             UPDATE orders.orders AS filling
             SET search = to_tsvector('english', concat_ws(' ', filling.number, (
                 SELECT string_agg(title, ' ' ORDER BY product_id)
                 FROM orders.order_lines WHERE order_id = filling.id
             )))
             FROM batch
             WHERE filling.id = batch.id AND filling.search IS NULL
             RETURNING filling.id
         )
         SELECT (SELECT id FROM batch ORDER BY id DESC LIMIT 1) AS last,
             (SELECT count(*) FROM batch) AS "looked_at!", (SELECT count(*) FROM filled) AS "changed!""#,
        after.map_or(Uuid::nil(), OrderId::as_uuid),
        limit,
    )
    .fetch_one(connection)
    .await
    .context("fill in what orders are found by")?;
    Ok(Batch {
        last: row.last.map(OrderId::from_uuid),
        looked_at: row.looked_at,
        changed: row.changed,
    })
}
