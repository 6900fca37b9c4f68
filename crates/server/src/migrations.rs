//! The migrations of every schema: applied by the command `migrate`, required by `serve` and `worker`.

use anyhow::{Context as _, ensure};
use platform::Platform;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// Every schema's history. The order is the one in which they are applied; it matters to nobody, because no schema refers
/// to another.
pub fn all() -> [&'static Migrator; 1] {
    [&platform::MIGRATOR]
}

/// Applies what is missing, as the role that owns the schemas.
///
/// # Errors
/// If the database cannot be reached or a migration fails; each migration is applied whole or not at all.
pub async fn apply(url: &SecretString) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url.expose_secret())
        .await
        .context("connect to the database as the migrating role")?;
    for migrator in all() {
        let table = &migrator.table_name;
        migrator
            .run(&mut connection)
            .await
            .with_context(|| format!("apply the migrations recorded in {table}"))?;
        // `require` reads the history as the role that serves.
        connection
            .execute(AssertSqlSafe(format!("GRANT SELECT ON {table} TO app")))
            .await
            .with_context(|| format!("let the role app read {table}"))?;
    }
    connection.close().await.context("close the connection")
}

/// Fails unless every migration that this binary knows is applied. The database may be ahead: a newer release migrates
/// before it starts, while this one still serves.
///
/// # Errors
/// If the database cannot be reached, or is behind.
pub async fn require(platform: &Platform) -> anyhow::Result<()> {
    let mut connection = platform.db.acquire().await?;
    for migrator in all() {
        let table = &migrator.table_name;
        let applied = connection
            .list_applied_migrations(table)
            .await
            .with_context(|| format!("read {table}: is the database migrated?"))?;
        let newest = applied.iter().map(|migration| migration.version).max();
        let required = migrator.iter().map(|migration| migration.version).max();
        ensure!(
            newest >= required,
            "{table} is at {newest:?} and this release needs {required:?}: run `server migrate`"
        );
    }
    Ok(())
}
