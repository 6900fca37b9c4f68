use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use sqlx::PgConnection;
use sqlx::migrate::{Migrate as _, Migration, Migrator};

use super::db;

/// What opens the line in which a migration says what must be complete before it: `-- requires backfill: orders.fill_search`.
const REQUIRES: &str = "-- requires backfill: ";

/// Fails if one of the migrations that would be applied relies on a backfill that is not complete, so that nothing is
/// applied at all. A schema that was never migrated has no rows to backfill, and may have every migration.
///
/// # Errors
/// If a backfill is not complete, or the database cannot be reached.
pub async fn require_for(
    connection: &mut PgConnection,
    migrators: &[&Migrator],
) -> anyhow::Result<()> {
    for migrator in migrators {
        let history = migrator.table_name.as_ref();
        if !is_there(connection, history).await? {
            continue;
        }
        let applied = connection.list_applied_migrations(history).await;
        let applied = applied.with_context(|| format!("read {history}"))?;
        let applied: BTreeSet<_> = applied.iter().map(|migration| migration.version).collect();
        if applied.is_empty() {
            continue;
        }
        let pending = migrator.iter().filter(|migration| {
            migration.migration_type.is_up_migration() && !applied.contains(&migration.version)
        });
        for migration in pending {
            for backfill in required_by(migration) {
                ensure!(
                    is_complete(connection, backfill).await?,
                    "migration {} of {history} needs every row to have been through the backfill {backfill}: with the \
                     release that runs now, do `server backfill run {backfill}`, wait until `server backfill list` calls \
                     it complete, and migrate then",
                    migration.version,
                );
            }
        }
    }
    Ok(())
}

/// The backfills that a migration names.
fn required_by(migration: &Migration) -> impl Iterator<Item = &str> {
    let lines = migration.sql.as_str().lines();
    lines.filter_map(|line| Some(line.trim().strip_prefix(REQUIRES)?.trim()))
}

async fn is_complete(connection: &mut PgConnection, backfill: &str) -> anyhow::Result<bool> {
    // Not there before the release that brought backfills.
    if !is_there(connection, "platform.backfills").await? {
        return Ok(false);
    }
    db::is_complete(connection, backfill)
        .await
        .context("look at backfill")
}

async fn is_there(connection: &mut PgConnection, table: &str) -> anyhow::Result<bool> {
    db::is_there(connection, table)
        .await
        .with_context(|| format!("look for {table}"))
}
