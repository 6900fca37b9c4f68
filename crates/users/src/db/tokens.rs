use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{TokenHash, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

/// One sign-in of a program, whose refresh tokens follow one another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenFamily {
    pub(crate) id: Uuid,
    pub(crate) user_id: UserId,
    /// The account's session generation at the sign-in.
    pub(crate) generation: i32,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Begins a family.
pub(crate) async fn insert_family(
    connection: &mut PgConnection,
    family: &TokenFamily,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    sqlx::query!(
        "INSERT INTO users.token_families (id, user_id, session_generation, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
        family.id,
        family.user_id.as_uuid(),
        family.generation,
        now,
        family.expires_at,
    )
    .execute(connection)
    .await
    .context("insert token family")?;
    Ok(())
}

/// The family of a refresh token, used or not, locked until the transaction ends.
///
/// Whoever changes a family or its tokens locks the family first: so nobody waits for somebody who waits for them.
pub(crate) async fn lock_family_of(
    connection: &mut PgConnection,
    token: TokenHash,
) -> anyhow::Result<Option<TokenFamily>> {
    let family = sqlx::query!(
        "SELECT id, user_id, session_generation, expires_at
         FROM users.token_families JOIN users.refresh_tokens ON family_id = id
         WHERE token_hash = $1
         FOR UPDATE OF token_families",
        token.as_bytes(),
    )
    .fetch_optional(connection)
    .await
    .context("lock token family")?;
    Ok(family.map(|row| TokenFamily {
        id: row.id,
        user_id: UserId::from_uuid(row.user_id),
        generation: row.session_generation,
        expires_at: row.expires_at,
    }))
}

/// Ends a family and all its tokens.
pub(crate) async fn delete_family(connection: &mut PgConnection, id: Uuid) -> anyhow::Result<()> {
    sqlx::query!("DELETE FROM users.token_families WHERE id = $1", id)
        .execute(connection)
        .await
        .context("delete token family")?;
    Ok(())
}

/// Gives a family its next refresh token.
pub(crate) async fn insert_token(
    connection: &mut PgConnection,
    family_id: Uuid,
    token: TokenHash,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    sqlx::query!(
        "INSERT INTO users.refresh_tokens (token_hash, family_id, created_at) VALUES ($1, $2, $3)",
        token.as_bytes(),
        family_id,
        now,
    )
    .execute(connection)
    .await
    .context("insert refresh token")?;
    Ok(())
}

/// Uses a refresh token up; `false` if it was used before. A query of its own, after the family was locked: it has to see
/// what was committed while it waited for the lock.
pub(crate) async fn use_token(
    connection: &mut PgConnection,
    token: TokenHash,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let used = sqlx::query!(
        "UPDATE users.refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL",
        token.as_bytes(),
        now,
    )
    .execute(connection)
    .await
    .context("use refresh token")?;
    Ok(used.rows_affected() == 1)
}

/// Deletes up to 1,000 tokens of families that have expired. A family in use is left for the next time.
pub(crate) async fn purge_tokens(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> anyhow::Result<u64> {
    let purged = sqlx::query!(
        "DELETE FROM users.refresh_tokens WHERE token_hash IN (
             SELECT token_hash
             FROM users.token_families JOIN users.refresh_tokens ON family_id = id
             WHERE expires_at <= $1
             ORDER BY expires_at
             LIMIT 1000
             FOR UPDATE OF token_families SKIP LOCKED
         )",
        now,
    )
    .execute(connection)
    .await
    .context("purge refresh tokens")?;
    Ok(purged.rows_affected())
}

/// Deletes up to 1,000 families that have expired and hold no token any more: a program that refreshes for a month
/// leaves thousands, and deleting its family would delete them all in one statement.
pub(crate) async fn purge_families(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> anyhow::Result<u64> {
    let purged = sqlx::query!(
        "DELETE FROM users.token_families WHERE id IN (
             SELECT id FROM users.token_families
             WHERE expires_at <= $1
               AND NOT EXISTS (SELECT FROM users.refresh_tokens WHERE family_id = token_families.id)
             ORDER BY expires_at
             LIMIT 1000
             FOR UPDATE SKIP LOCKED
         )",
        now,
    )
    .execute(connection)
    .await
    .context("purge token families")?;
    Ok(purged.rows_affected())
}
