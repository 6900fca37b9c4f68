//! Migrations: applied by the role that owns the schemas, required by the role that serves.

use anyhow::{Context as _, ensure};
use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use crate::backfills;
use crate::db::Db;

/// Applies what is missing, each migration whole or not at all.
///
/// # Errors
/// If a migration fails, or one that was applied has been edited since, or one relies on a backfill that is not complete.
pub async fn apply(connection: &mut PgConnection, migrators: &[&Migrator]) -> anyhow::Result<()> {
    backfills::require_for(connection, migrators).await?;
    for migrator in migrators {
        let table = &migrator.table_name;
        migrator
            .run(&mut *connection)
            .await
            .with_context(|| format!("apply the migrations recorded in {table}"))?;
        // `require` reads the history as the role that serves.
        connection
            .execute(AssertSqlSafe(format!("GRANT SELECT ON {table} TO app")))
            .await
            .with_context(|| format!("let the role app read {table}"))?;
    }
    Ok(())
}

/// Fails unless every migration that this binary knows is applied. The database may be ahead: a newer release migrates
/// before it starts, while this one still serves.
///
/// # Errors
/// If the database cannot be reached, or is behind.
pub async fn require(db: &Db, migrators: &[&Migrator]) -> anyhow::Result<()> {
    let mut connection = db.acquire().await?;
    for migrator in migrators {
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
