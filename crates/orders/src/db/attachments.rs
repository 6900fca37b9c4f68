use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use kernel::{AttachmentId, OrderId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::attachment::{Attachment, FileName, Reader, Upload};
use crate::order::OrderNumber;

/// What a row stands for.
pub(crate) enum Entry {
    Awaited(Upload),
    Attached(Attachment),
}

struct Row {
    id: Uuid,
    name: String,
    content_type: String,
    created_at: DateTime<Utc>,
    size: Option<i64>,
    attached_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Entry {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> anyhow::Result<Self> {
        let upload = Upload {
            id: AttachmentId::from_uuid(row.id),
            name: FileName::from_db(row.name),
            media_type: row.content_type.parse().context("read media type")?,
            created_at: row.created_at,
        };
        Ok(match (row.size, row.attached_at) {
            (Some(size), Some(at)) => {
                Self::Attached(upload.attached(size.try_into().context("read size")?, at))
            }
            _ => Self::Awaited(upload),
        })
    }
}

impl Entry {
    fn into_attached(self) -> anyhow::Result<Attachment> {
        match self {
            Self::Attached(attachment) => Ok(attachment),
            Self::Awaited(upload) => bail!("the file {} is not attached yet", upload.id),
        }
    }
}

/// Adds a file that has yet to arrive.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    order_id: OrderId,
    upload: &Upload,
) -> anyhow::Result<()> {
    sqlx::query!(
        "INSERT INTO orders.attachments (id, order_id, name, content_type, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        upload.id.as_uuid(),
        order_id.as_uuid(),
        upload.name.as_str(),
        upload.media_type.as_str(),
        upload.created_at,
    )
    .execute(connection)
    .await
    .context("insert attachment")?;
    Ok(())
}

/// How many files the order has.
pub(crate) async fn count(connection: &mut PgConnection, order_id: OrderId) -> anyhow::Result<u64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM orders.attachments
           -- waive filter: the files of one order, and of an hour those that did not arrive
           WHERE order_id = $1 AND attached_at IS NOT NULL"#,
        order_id.as_uuid(),
    )
    .fetch_one(connection)
    .await
    .context("count attachments")?;
    count.try_into().context("read count of attachments")
}

/// The file or upload of this id, if it belongs to this order and the reader may see that.
pub(crate) async fn find(
    connection: &mut PgConnection,
    reader: Reader,
    number: OrderNumber,
    id: AttachmentId,
) -> anyhow::Result<Option<Entry>> {
    sqlx::query_as!(
        Row,
        "SELECT a.id, a.name, a.content_type, a.created_at, a.size, a.attached_at
         FROM orders.attachments a JOIN orders.orders o ON o.id = a.order_id
         WHERE a.id = $3 AND o.number = $2 AND ($1::uuid IS NULL OR o.user_id = $1)",
        reader.sees_orders_of().map(UserId::as_uuid),
        number.get(),
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .context("select attachment")?
    .map(Entry::try_from)
    .transpose()
}

/// The files of the order of this number, in the order in which they came; `None` if the reader may not see it.
pub(crate) async fn list(
    connection: &mut PgConnection,
    reader: Reader,
    number: OrderNumber,
) -> anyhow::Result<Option<Vec<Attachment>>> {
    let order_id = sqlx::query_scalar!(
        "SELECT id FROM orders.orders WHERE number = $2 AND ($1::uuid IS NULL OR user_id = $1)",
        reader.sees_orders_of().map(UserId::as_uuid),
        number.get(),
    )
    .fetch_optional(&mut *connection)
    .await
    .context("select order of attachments")?;
    let Some(order_id) = order_id else {
        return Ok(None);
    };
    sqlx::query_as!(
        Row,
        "SELECT id, name, content_type, created_at, size, attached_at FROM orders.attachments
         -- waive filter: the files of one order, and of an hour those that did not arrive
         WHERE order_id = $1 AND attached_at IS NOT NULL
         ORDER BY id",
        order_id,
    )
    .fetch_all(connection)
    .await
    .context("list attachments")?
    .into_iter()
    .map(|row| Entry::try_from(row)?.into_attached())
    .collect::<anyhow::Result<_>>()
    .map(Some)
}

/// Notes that the file has arrived and was looked at; `false` if it is attached already, or gone.
pub(crate) async fn attach(
    connection: &mut PgConnection,
    attachment: &Attachment,
) -> anyhow::Result<bool> {
    let size = i64::try_from(attachment.size).context("write size")?;
    let attached = sqlx::query!(
        "UPDATE orders.attachments SET size = $2, attached_at = $3 WHERE id = $1 AND attached_at IS NULL",
        attachment.id.as_uuid(),
        size,
        attachment.attached_at,
    )
    .execute(connection)
    .await
    .context("attach file")?;
    Ok(attached.rows_affected() == 1)
}

/// Deletes an upload that is not attached; `false` if there is none.
pub(crate) async fn delete_upload(
    connection: &mut PgConnection,
    id: AttachmentId,
) -> anyhow::Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM orders.attachments WHERE id = $1 AND attached_at IS NULL",
        id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("delete upload")?;
    Ok(deleted.rows_affected() == 1)
}

/// Deletes a file that this person has attached to this order; `false` if there is none.
pub(crate) async fn delete_own(
    connection: &mut PgConnection,
    user_id: UserId,
    number: OrderNumber,
    id: AttachmentId,
) -> anyhow::Result<bool> {
    let deleted = sqlx::query!(
        "DELETE FROM orders.attachments a USING orders.orders o
         WHERE a.id = $3 AND a.attached_at IS NOT NULL
           AND o.id = a.order_id AND o.number = $2 AND o.user_id = $1",
        user_id.as_uuid(),
        number.get(),
        id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("delete attachment")?;
    Ok(deleted.rows_affected() == 1)
}

/// Whether there is a file or an upload of this id.
pub(crate) async fn exists(
    connection: &mut PgConnection,
    id: AttachmentId,
) -> anyhow::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM orders.attachments WHERE id = $1) AS "exists!""#,
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await
    .context("look for attachment")
}
