use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{DeliveryId, EndpointId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::delivery::{Delivery, Outcome};

struct Row {
    id: Uuid,
    endpoint_id: Uuid,
    message_id: Uuid,
    event: String,
    payload: String,
    status: String,
    attempts: i16,
    most_attempts: i16,
    outcome: Option<String>,
    response_status: Option<i16>,
    created_at: DateTime<Utc>,
    attempted_at: Option<DateTime<Utc>>,
    next_attempt_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Delivery {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> anyhow::Result<Self> {
        let outcome = row.outcome.map(|name| {
            Outcome::from_db(&name, row.response_status)
                .with_context(|| format!("read the outcome {name}"))
        });
        Ok(Self {
            id: DeliveryId::from_uuid(row.id),
            endpoint_id: EndpointId::from_uuid(row.endpoint_id),
            message_id: row.message_id,
            event: row.event.parse().context("read the kind of event")?,
            payload: row.payload,
            status: row.status.parse().context("read a delivery's status")?,
            attempts: row.attempts,
            most_attempts: row.most_attempts,
            outcome: outcome.transpose()?,
            created_at: row.created_at,
            attempted_at: row.attempted_at,
            next_attempt_at: row.next_attempt_at,
        })
    }
}

/// Deliveries, with the rest of the statement in the caller's hand.
macro_rules! select_deliveries {
    ($rest:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT id, endpoint_id, message_id, event, payload, status, attempts, most_attempts, outcome, response_status,
                 created_at, attempted_at, next_attempt_at
             FROM webhooks.deliveries " + $rest,
            $($argument),+
        )
    };
}

/// Adds a delivery, unless the endpoint was told of the same already; returns whether it is new.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    delivery: &Delivery,
) -> anyhow::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO webhooks.deliveries
             (id, endpoint_id, message_id, event, payload, status, most_attempts, created_at, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT ON CONSTRAINT deliveries_message_key DO NOTHING",
        delivery.id.as_uuid(),
        delivery.endpoint_id.as_uuid(),
        delivery.message_id,
        delivery.event.as_str(),
        delivery.payload,
        delivery.status.as_str(),
        delivery.most_attempts,
        delivery.created_at,
        delivery.next_attempt_at,
    )
    .execute(connection)
    .await
    .context("insert delivery")?;
    Ok(inserted.rows_affected() == 1)
}

/// A delivery.
pub(crate) async fn find(
    connection: &mut PgConnection,
    id: DeliveryId,
) -> anyhow::Result<Option<Delivery>> {
    let row = select_deliveries!("WHERE id = $1", id.as_uuid(),)
        .fetch_optional(connection)
        .await
        .context("find delivery")?;
    row.map(Delivery::try_from).transpose()
}

/// An endpoint's deliveries behind the one with id `after`, newest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    endpoint_id: EndpointId,
    after: Option<DeliveryId>,
    limit: i64,
) -> anyhow::Result<Vec<Delivery>> {
    // Every id is smaller than this one, so the first page needs no query of its own.
    let after = after.map_or(Uuid::max(), DeliveryId::as_uuid);
    let rows = select_deliveries!(
        "WHERE endpoint_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        endpoint_id.as_uuid(),
        after,
        limit,
    )
    .fetch_all(connection)
    .await
    .context("list deliveries")?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Writes what can change of a delivery.
pub(crate) async fn update(
    connection: &mut PgConnection,
    delivery: &Delivery,
) -> anyhow::Result<()> {
    let status = delivery.outcome.and_then(Outcome::response_status);
    let status = status.map(i16::try_from).transpose();
    let updated = sqlx::query!(
        "UPDATE webhooks.deliveries
         SET status = $2, attempts = $3, most_attempts = $4, outcome = $5, response_status = $6, attempted_at = $7,
             next_attempt_at = $8
         WHERE id = $1",
        delivery.id.as_uuid(),
        delivery.status.as_str(),
        delivery.attempts,
        delivery.most_attempts,
        delivery.outcome.map(Outcome::as_str),
        status.context("a status has three digits")?,
        delivery.attempted_at,
        delivery.next_attempt_at,
    )
    .execute(connection)
    .await
    .context("update delivery")?;
    anyhow::ensure!(updated.rows_affected() == 1, "the delivery is gone");
    Ok(())
}

/// Deletes the oldest deliveries from before `before`, at most 1,000; returns how many there were.
pub(crate) async fn delete_before(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> anyhow::Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM webhooks.deliveries WHERE id IN (
             SELECT id FROM webhooks.deliveries WHERE created_at < $1 ORDER BY created_at LIMIT 1000
         )",
        before,
    )
    .execute(connection)
    .await
    .context("delete old deliveries")?;
    Ok(deleted.rows_affected())
}
