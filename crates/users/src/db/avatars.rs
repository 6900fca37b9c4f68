use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use kernel::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

/// How far an upload has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Processing,
    Ready,
    Rejected(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) id: Uuid,
    /// What the uploader says the file is.
    pub(crate) content_type: String,
    pub(crate) status: Status,
}

struct Row {
    id: Uuid,
    content_type: String,
    status: String,
    refusal: Option<String>,
}

impl TryFrom<Row> for Upload {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> anyhow::Result<Self> {
        let status = match (row.status.as_str(), row.refusal) {
            ("pending", None) => Status::Pending,
            ("processing", None) => Status::Processing,
            ("ready", None) => Status::Ready,
            ("rejected", Some(refusal)) => Status::Rejected(refusal),
            (other, _) => bail!("an upload that is {other}"),
        };
        Ok(Self {
            id: row.id,
            content_type: row.content_type,
            status,
        })
    }
}

/// Adds an upload whose file has yet to arrive.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    id: Uuid,
    user_id: UserId,
    content_type: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    sqlx::query!(
        "INSERT INTO users.avatars (id, user_id, status, content_type, created_at)
         VALUES ($1, $2, 'pending', $3, $4)",
        id,
        user_id.as_uuid(),
        content_type,
        now,
    )
    .execute(connection)
    .await
    .context("insert upload")?;
    Ok(())
}

/// The person's upload called `id`.
pub(crate) async fn find(
    connection: &mut PgConnection,
    user_id: UserId,
    id: Uuid,
) -> anyhow::Result<Option<Upload>> {
    sqlx::query_as!(
        Row,
        "SELECT id, content_type, status, refusal FROM users.avatars WHERE id = $1 AND user_id = $2",
        id,
        user_id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .context("select upload")?
    .map(Upload::try_from)
    .transpose()
}

/// The person's newest upload whose file has arrived.
pub(crate) async fn newest(
    connection: &mut PgConnection,
    user_id: UserId,
) -> anyhow::Result<Option<Upload>> {
    sqlx::query_as!(
        Row,
        "SELECT id, content_type, status, refusal FROM users.avatars
         -- waive filter: one person's uploads, of which a day leaves the newest few
         WHERE user_id = $1 AND status <> 'pending'
         ORDER BY id DESC LIMIT 1",
        user_id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .context("select newest upload")?
    .map(Upload::try_from)
    .transpose()
}

/// Notes that the file has arrived; `false` if that was known.
pub(crate) async fn begin_processing(
    connection: &mut PgConnection,
    user_id: UserId,
    id: Uuid,
) -> anyhow::Result<bool> {
    let begun = sqlx::query!(
        "UPDATE users.avatars SET status = 'processing'
         WHERE id = $1 AND user_id = $2 AND status = 'pending'",
        id,
        user_id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("begin processing upload")?;
    Ok(begun.rows_affected() == 1)
}

/// Refuses the upload, unless it was decided on before.
pub(crate) async fn reject(
    connection: &mut PgConnection,
    user_id: UserId,
    id: Uuid,
    refusal: &str,
) -> anyhow::Result<()> {
    sqlx::query!(
        "UPDATE users.avatars SET status = 'rejected', refusal = $3
         WHERE id = $1 AND user_id = $2 AND status = 'processing'",
        id,
        user_id.as_uuid(),
        refusal,
    )
    .execute(connection)
    .await
    .context("reject upload")?;
    Ok(())
}

/// Makes the upload the person's picture and marks the one before as rejected with `replaced`, so that its row outlives
/// its files. `false` if a newer upload is their picture already, or this one was decided on before.
///
/// Of two that run at once one violates `avatars_current_key`; its job tries again and then sees the other.
pub(crate) async fn make_current(
    connection: &mut PgConnection,
    user_id: UserId,
    id: Uuid,
    replaced: &str,
) -> anyhow::Result<bool> {
    sqlx::query!(
        "UPDATE users.avatars SET status = 'rejected', refusal = $3
         WHERE user_id = $2 AND status = 'ready' AND id < $1
           AND EXISTS (SELECT FROM users.avatars WHERE id = $1 AND user_id = $2 AND status = 'processing')",
        id,
        user_id.as_uuid(),
        replaced,
    )
    .execute(&mut *connection)
    .await
    .context("replace picture")?;
    let made = sqlx::query!(
        "UPDATE users.avatars SET status = 'ready'
         WHERE id = $1 AND user_id = $2 AND status = 'processing'
           AND NOT EXISTS (SELECT FROM users.avatars WHERE user_id = $2 AND status = 'ready')",
        id,
        user_id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("make picture current")?;
    Ok(made.rows_affected() == 1)
}

/// The rejected uploads of the person that are older than their picture: nobody is shown them, or their refusal, again.
pub(crate) async fn outdated(
    connection: &mut PgConnection,
    user_id: UserId,
) -> anyhow::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM users.avatars
         -- waive filter: one person's uploads, of which a day leaves the newest few
         WHERE user_id = $1 AND status = 'rejected'
           AND id < (SELECT id FROM users.avatars WHERE user_id = $1 AND status = 'ready')",
        user_id.as_uuid(),
    )
    .fetch_all(connection)
    .await
    .context("select outdated uploads")
}

/// Deletes uploads, once their files are deleted.
pub(crate) async fn delete(connection: &mut PgConnection, ids: &[Uuid]) -> anyhow::Result<()> {
    sqlx::query!("DELETE FROM users.avatars WHERE id = ANY($1)", ids)
        .execute(connection)
        .await
        .context("delete uploads")?;
    Ok(())
}

/// Up to 100 uploads from before `before` that are nobody's picture. So few, because each takes requests to storage.
pub(crate) async fn unfinished(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> anyhow::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "SELECT id FROM users.avatars
         WHERE status <> 'ready' AND created_at < $1
         ORDER BY created_at
         LIMIT 100",
        before,
    )
    .fetch_all(connection)
    .await
    .context("select unfinished uploads")
}
