use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{EmailAddress, TokenHash, UserId};
use sqlx::PgConnection;

/// What a mailed link does when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    VerifyEmail,
    ResetPassword,
    ChangeEmail,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
        }
    }
}

/// What a link that still works stands for.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) user_id: UserId,
    /// Where it was sent.
    pub(crate) email: EmailAddress,
}

/// Keeps a link that works from now until `expires_at`.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    token_hash: TokenHash,
    purpose: Purpose,
    link: &Link,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> anyhow::Result<()> {
    sqlx::query!(
        "INSERT INTO users.mailed_links (token_hash, user_id, purpose, email, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        token_hash.as_bytes(),
        link.user_id.as_uuid(),
        purpose.as_str(),
        link.email.as_str(),
        now,
        expires_at,
    )
    .execute(connection)
    .await
    .context("insert mailed link")?;
    Ok(())
}

/// A link that still works, left as it is.
pub(crate) async fn find(
    connection: &mut PgConnection,
    token_hash: TokenHash,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<Link>> {
    let row = sqlx::query!(
        "SELECT user_id, email FROM users.mailed_links
         WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3",
        token_hash.as_bytes(),
        purpose.as_str(),
        now,
    )
    .fetch_optional(connection)
    .await
    .context("find mailed link")?;
    row.map(|row| read(row.user_id, &row.email)).transpose()
}

/// Uses a link up. Of all who race for it, one gets it.
///
/// The account is locked first, as whoever changes it does: of two links of one person that are opened in the same
/// instant, each would otherwise wait for the other's end.
pub(crate) async fn take(
    connection: &mut PgConnection,
    token_hash: TokenHash,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<Link>> {
    let Some(link) = find(connection, token_hash, purpose, now).await? else {
        return Ok(None);
    };
    super::accounts::lock(connection, link.user_id).await?;
    let row = sqlx::query!(
        "DELETE FROM users.mailed_links
         WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
         RETURNING user_id, email",
        token_hash.as_bytes(),
        purpose.as_str(),
        now,
    )
    .fetch_optional(connection)
    .await
    .context("take mailed link")?;
    row.map(|row| read(row.user_id, &row.email)).transpose()
}

/// Makes all of the person's links worthless.
pub(crate) async fn delete_all(
    connection: &mut PgConnection,
    user_id: UserId,
) -> anyhow::Result<()> {
    sqlx::query!(
        "DELETE FROM users.mailed_links WHERE user_id = $1",
        user_id.as_uuid(),
    )
    .execute(connection)
    .await
    .context("delete mailed links")?;
    Ok(())
}

fn read(user_id: uuid::Uuid, email: &str) -> anyhow::Result<Link> {
    Ok(Link {
        user_id: UserId::from_uuid(user_id),
        email: EmailAddress::parse(email).context("read the address of a mailed link")?,
    })
}

/// Deletes up to 1,000 links that have expired.
pub(crate) async fn purge(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> anyhow::Result<u64> {
    let purged = sqlx::query!(
        "DELETE FROM users.mailed_links WHERE token_hash IN (
             SELECT token_hash FROM users.mailed_links
             WHERE expires_at <= $1
             ORDER BY expires_at
             LIMIT 1000
             FOR UPDATE SKIP LOCKED
         )",
        now,
    )
    .execute(connection)
    .await
    .context("purge mailed links")?;
    Ok(purged.rows_affected())
}
