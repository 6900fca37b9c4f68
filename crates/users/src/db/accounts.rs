use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{EmailAddress, Role, UserId};
use platform::db::violates;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::user::CurrentUser;

/// A person as the database knows them.
pub(crate) struct Account {
    pub(crate) id: UserId,
    pub(crate) email: EmailAddress,
    pub(crate) email_verified_at: Option<DateTime<Utc>>,
    pub(crate) name: String,
    pub(crate) password_hash: String,
    pub(crate) role: Role,
    pub(crate) session_generation: i32,
    pub(crate) disabled_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

impl Account {
    /// Whether the person may sign in, and stay so.
    pub(crate) const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

impl From<Account> for CurrentUser {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            role: account.role,
            name: account.name,
            email: account.email,
            email_verified: account.email_verified_at.is_some(),
            session_generation: account.session_generation,
        }
    }
}

struct AccountRow {
    id: Uuid,
    email: String,
    email_verified_at: Option<DateTime<Utc>>,
    name: String,
    password_hash: String,
    role: String,
    session_generation: i32,
    disabled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// Selects accounts. The columns stand here once, for every way of finding one.
macro_rules! select_accounts {
    ($tail:literal $(, $value:expr)*) => {
        sqlx::query_as!(
            AccountRow,
            "SELECT id, email, email_verified_at, name, password_hash, role, session_generation, disabled_at, created_at
             FROM users.users " + $tail
            $(, $value)*
        )
    };
}

/// The account of this address, in capitals or not.
pub(crate) async fn find_by_email(
    connection: &mut PgConnection,
    email: &EmailAddress,
) -> anyhow::Result<Option<Account>> {
    let row = select_accounts!("WHERE lower(email) = lower($1)", email.as_str())
        .fetch_optional(connection)
        .await
        .context("find account by address")?;
    row.map(Account::try_from).transpose()
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    id: UserId,
) -> anyhow::Result<Option<Account>> {
    let row = select_accounts!(
        "WHERE id = $1
             -- waive repeated: hashing takes long and holds no connection, so each step after it looks again",
        id.as_uuid()
    )
    .fetch_optional(connection)
    .await
    .context("find account")?;
    row.map(Account::try_from).transpose()
}

/// Has other transactions that change the account, or what belongs to it, wait until this one has ended.
pub(crate) async fn lock(connection: &mut PgConnection, id: UserId) -> anyhow::Result<()> {
    sqlx::query!(
        "SELECT id FROM users.users WHERE id = $1 FOR NO KEY UPDATE",
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await
    .context("lock account")?;
    Ok(())
}

/// Adds the account; `false` if there is one of its address. Waits for whoever adds one at the same moment, so that
/// [`find_by_email`] then finds it.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    account: &Account,
) -> anyhow::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO users.users
             (id, email, email_verified_at, name, password_hash, role, session_generation, disabled_at, created_at,
              updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
         ON CONFLICT (lower(email)) DO NOTHING",
        account.id.as_uuid(),
        account.email.as_str(),
        account.email_verified_at,
        account.name,
        account.password_hash,
        account.role.as_str(),
        account.session_generation,
        account.disabled_at,
        account.created_at,
    )
    .execute(connection)
    .await
    .context("insert account")?;
    Ok(inserted.rows_affected() == 1)
}

/// Sets a new password, which ends every session and token. The new session generation; `None` without such an account.
pub(crate) async fn set_password(
    connection: &mut PgConnection,
    id: UserId,
    hash: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<i32>> {
    sqlx::query_scalar!(
        "UPDATE users.users
         SET password_hash = $2, session_generation = session_generation + 1, updated_at = $3
         WHERE id = $1
         RETURNING session_generation",
        id.as_uuid(),
        hash,
        now,
    )
    .fetch_optional(connection)
    .await
    .context("set password")
}

/// Ends every session and token. The new session generation; `None` without such an account.
pub(crate) async fn end_sessions(
    connection: &mut PgConnection,
    id: UserId,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<i32>> {
    sqlx::query_scalar!(
        "UPDATE users.users SET session_generation = session_generation + 1, updated_at = $2
         WHERE id = $1
         RETURNING session_generation",
        id.as_uuid(),
        now,
    )
    .fetch_optional(connection)
    .await
    .context("end sessions")
}

/// Replaces the hash of a password that stays the same, unless the password was changed since `old` was read.
pub(crate) async fn replace_hash(
    connection: &mut PgConnection,
    id: UserId,
    old: &str,
    new: &str,
) -> anyhow::Result<()> {
    sqlx::query!(
        "UPDATE users.users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        id.as_uuid(),
        old,
        new,
    )
    .execute(connection)
    .await
    .context("replace password hash")?;
    Ok(())
}

/// Moves the account to another address; `false` if there is no such account, or if another has the address, after
/// which the transaction can only be rolled back.
pub(crate) async fn set_email(
    connection: &mut PgConnection,
    id: UserId,
    email: &EmailAddress,
    verified_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let updated = sqlx::query!(
        "UPDATE users.users SET email = $2, email_verified_at = $3, updated_at = $4 WHERE id = $1",
        id.as_uuid(),
        email.as_str(),
        verified_at,
        now,
    )
    .execute(connection)
    .await;
    match updated {
        Ok(done) => Ok(done.rows_affected() == 1),
        Err(error) if violates(&error, "users_email_key") => Ok(false),
        Err(error) => Err(error).context("set address"),
    }
}

/// What is stored of the passwords of the 1,000 latest accounts.
pub(crate) async fn latest_hashes(connection: &mut PgConnection) -> anyhow::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT password_hash FROM users.users ORDER BY id DESC LIMIT 1000")
        .fetch_all(connection)
        .await
        .context("list password hashes")
}

/// Notes that the person reads the mailbox `email`; `false` if it is not theirs any more.
pub(crate) async fn set_email_verified(
    connection: &mut PgConnection,
    id: UserId,
    email: &EmailAddress,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let updated = sqlx::query!(
        "UPDATE users.users SET email_verified_at = coalesce(email_verified_at, $3), updated_at = $3
         WHERE id = $1 AND lower(email) = lower($2)",
        id.as_uuid(),
        email.as_str(),
        now,
    )
    .execute(connection)
    .await
    .context("set address verified")?;
    Ok(updated.rows_affected() == 1)
}

/// Renames the person; `false` without such an account.
pub(crate) async fn set_name(
    connection: &mut PgConnection,
    id: UserId,
    name: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let updated = sqlx::query!(
        "UPDATE users.users SET name = $2, updated_at = $3 WHERE id = $1",
        id.as_uuid(),
        name,
        now,
    )
    .execute(connection)
    .await
    .context("set name")?;
    Ok(updated.rows_affected() == 1)
}

impl TryFrom<AccountRow> for Account {
    type Error = anyhow::Error;

    fn try_from(row: AccountRow) -> anyhow::Result<Self> {
        Ok(Self {
            id: UserId::from_uuid(row.id),
            email: row.email.parse().context("read address")?,
            email_verified_at: row.email_verified_at,
            name: row.name,
            password_hash: row.password_hash,
            role: row.role.parse().context("read role")?,
            session_generation: row.session_generation,
            disabled_at: row.disabled_at,
            created_at: row.created_at,
        })
    }
}
