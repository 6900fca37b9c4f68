//! What has been applied, beside what the binary knows.

use anyhow::{Context as _, bail};
use sqlx::PgConnection;
use sqlx::migrate::{AppliedMigration, Migrate as _, Migration, Migrator};

use super::db;

pub(super) struct History<'a> {
    migrator: &'a Migrator,
    applied: Vec<AppliedMigration>,
}

impl<'a> History<'a> {
    /// Of a schema that is not there yet, the history is empty.
    pub(super) async fn read(
        connection: &mut PgConnection,
        migrator: &'a Migrator,
    ) -> anyhow::Result<Self> {
        let table = &migrator.table_name;
        let exists = db::exists(connection, table).await;
        let applied = if exists.with_context(|| format!("look for {table}"))? {
            let applied = connection.list_applied_migrations(table).await;
            applied.with_context(|| format!("read {table}"))?
        } else {
            Vec::new()
        };
        Ok(Self { migrator, applied })
    }

    /// # Errors
    /// If something was applied whose file is gone or was edited, with what to do about it.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let schema = schema_of(self.migrator);
        for applied in &self.applied {
            let version = applied.version;
            let Some(known) = ups(self.migrator).find(|it| it.version == version) else {
                bail!(
                    "the migration {version:04} of {schema} has been applied to this database, and this release has no \
                     file for it. If a newer release has been here, this one needs no migrating: start it. If the file \
                     was deleted, bring it back from version control: migrations/{schema}/{version:04}_*.sql"
                );
            };
            if known.checksum != applied.checksum {
                let file = file_of(self.migrator, known);
                bail!(
                    "{file} has been edited since it was applied to this database. Undo the edit (`git log -p {file}` \
                     shows it) and put the change into a new migration. A database of your own can be made anew \
                     instead: `cargo xtask dev --reset`"
                );
            }
        }
        Ok(())
    }

    /// What has yet to be applied, the oldest first.
    pub(super) fn missing(&self) -> impl Iterator<Item = &'a Migration> {
        ups(self.migrator).filter(|migration| !self.has(migration.version))
    }

    /// What takes the schema back to `version`, the newest first.
    pub(super) fn undone_by(&self, version: i64) -> impl Iterator<Item = &'a Migration> {
        let downs = self.migrator.iter().rev();
        downs.filter(move |migration| {
            migration.migration_type.is_down_migration()
                && migration.version > version
                && self.has(migration.version)
        })
    }

    fn has(&self, version: i64) -> bool {
        self.applied.iter().any(|it| it.version == version)
    }
}

pub(super) fn schema_of(migrator: &Migrator) -> &str {
    let name = migrator.table_name.split('.').next();
    name.unwrap_or_default()
}

/// Where the file lies in the workspace.
pub(super) fn file_of(migrator: &Migrator, migration: &Migration) -> String {
    let name = migration.description.replace(' ', "_");
    let way = if migration.migration_type.is_down_migration() {
        "down"
    } else {
        "up"
    };
    let (schema, version) = (schema_of(migrator), migration.version);
    format!("migrations/{schema}/{version:04}_{name}.{way}.sql")
}

fn ups(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    let all = migrator.iter();
    all.filter(|migration| migration.migration_type.is_up_migration())
}
