use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::PgConnection;

/// Whoever holds it migrates this database.
const TURN: i64 = 0x6d69_6772_6174_6573;

/// An index that PostgreSQL began to build and never finished.
pub(super) struct InvalidIndex {
    pub(super) name: String,
    /// With its schema, ready for a statement.
    pub(super) quoted: String,
}

pub(super) async fn take_turn(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "taken!""#, TURN)
        .fetch_one(connection)
        .await
}

pub(super) async fn leave_turn(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query_scalar!("SELECT pg_advisory_unlock($1)", TURN)
        .fetch_one(connection)
        .await
        .map(drop)
}

/// The process of PostgreSQL that serves whoever migrates.
pub(super) async fn turn_holder(connection: &mut PgConnection) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        r#"SELECT pid AS "pid!" FROM pg_locks JOIN pg_database ON pg_database.oid = database
           WHERE locktype = 'advisory' AND granted AND datname = current_database()
             AND classid::bigint = $1::bigint >> 32 AND objid::bigint = $1::bigint & 4294967295 AND objsubid = 1"#,
        TURN
    )
    .fetch_optional(connection)
    .await
}

/// For the rest of the session.
pub(super) async fn set_lock_timeout(
    connection: &mut PgConnection,
    timeout: Duration,
) -> sqlx::Result<()> {
    let timeout = format!("{}ms", timeout.as_millis());
    sqlx::query_scalar!("SELECT set_config('lock_timeout', $1, false)", timeout)
        .fetch_one(connection)
        .await
        .map(drop)
}

/// The other processes of PostgreSQL that hold locks on something in `schema`. What they do there, the migrating role may
/// not see.
pub(super) async fn holders(
    connection: &mut PgConnection,
    schema: &str,
) -> sqlx::Result<BTreeSet<i32>> {
    let pids = sqlx::query_scalar!(
        r#"SELECT pid AS "pid!" FROM pg_locks
           JOIN pg_database ON pg_database.oid = database
           JOIN pg_class ON pg_class.oid = relation
           JOIN pg_namespace ON pg_namespace.oid = relnamespace
           WHERE datname = current_database() AND nspname = $1 AND granted AND pid <> pg_backend_pid()"#,
        schema
    )
    .fetch_all(connection)
    .await?;
    Ok(pids.into_iter().collect())
}

pub(super) async fn invalid_indexes(
    connection: &mut PgConnection,
    schema: &str,
) -> sqlx::Result<Vec<InvalidIndex>> {
    sqlx::query_as!(
        InvalidIndex,
        r#"SELECT relname::text AS "name!", format('%I.%I', nspname, relname) AS "quoted!"
           FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
           WHERE NOT indisvalid AND nspname = $1"#,
        schema
    )
    .fetch_all(connection)
    .await
}

pub(super) async fn exists(connection: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT to_regclass($1) IS NOT NULL AS "exists!""#, table)
        .fetch_one(connection)
        .await
}
