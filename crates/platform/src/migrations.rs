//! Migrations: applied by the role that owns the schemas, required by the role that serves.
//!
//! # Invariants
//!
//! - One process migrates a database at a time: it holds an advisory lock, so its connection must be PostgreSQL's own and
//!   not one that PgBouncer shares out by the transaction.
//! - Nobody waits longer for a migration than [`Patience::lock_timeout`]: what gets its lock no sooner is given up and
//!   tried again.
//! - Nothing is changed as long as the history and the files disagree.

mod db;
mod history;
mod patience;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use kernel::Entropy;
use sqlx::error::DatabaseError;
use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use self::history::{History, file_of, schema_of};
pub use self::patience::Patience;
use crate::backfills;
use crate::db::Db;

/// PostgreSQL's `lock_not_available` and `deadlock_detected`: nothing is wrong but the moment.
const BAD_MOMENTS: [&str; 2] = ["55P03", "40P01"];

/// A migration that has yet to be applied.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its file.
    pub file: String,
    /// Whether it is done whole or not at all.
    pub in_transaction: bool,
    /// What it says.
    pub sql: String,
}

/// All that a binary knows about the schemas.
pub struct Migrations<'a> {
    migrators: &'a [&'a Migrator],
    patience: Patience,
    entropy: Entropy,
    tell: Box<dyn Fn(&str) + Send + Sync + 'a>,
}

/// Up or down.
#[derive(Clone, Copy)]
enum Way {
    Apply,
    Undo,
}

impl Way {
    async fn go(
        self,
        connection: &mut PgConnection,
        migrator: &Migrator,
        migration: &Migration,
    ) -> Result<Duration, MigrateError> {
        match self {
            Self::Apply => connection.apply(&migrator.table_name, migration).await,
            Self::Undo => connection.revert(&migrator.table_name, migration).await,
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Apply => "applied",
            Self::Undo => "undone",
        }
    }
}

impl<'a> Migrations<'a> {
    /// Those of `migrators`. What happens is told to `tell`, a line at a time.
    pub fn new(
        migrators: &'a [&'a Migrator],
        patience: Patience,
        entropy: Entropy,
        tell: impl Fn(&str) + Send + Sync + 'a,
    ) -> Self {
        Self {
            migrators,
            patience,
            entropy,
            tell: Box::new(tell),
        }
    }

    /// What [`apply`](Self::apply) would apply, in that order. Changes nothing.
    ///
    /// # Errors
    /// If the database cannot be reached, or its history and the files disagree.
    pub async fn plan(&self, connection: &mut PgConnection) -> anyhow::Result<Vec<Pending>> {
        let mut pending = Vec::new();
        for migrator in self.migrators {
            let history = History::read(connection, migrator).await?;
            history.check()?;
            pending.extend(history.missing().map(|migration| Pending {
                file: file_of(migrator, migration),
                in_transaction: !migration.no_tx,
                sql: migration.sql.as_str().to_owned(),
            }));
        }
        Ok(pending)
    }

    /// Applies what is missing.
    ///
    /// # Errors
    /// If a migration fails, gets no lock or relies on a backfill that is not complete, another process migrates, or the
    /// history and the files disagree. What was
    /// applied before that stays applied, and a repetition goes on from there.
    pub async fn apply(&self, connection: &mut PgConnection) -> anyhow::Result<()> {
        self.take_turn(connection).await?;
        for migrator in self.migrators {
            History::read(connection, migrator).await?.check()?;
        }
        backfills::require_for(connection, self.migrators).await?;
        for migrator in self.migrators {
            for schema in migrator.create_schemas.iter() {
                connection.create_schema_if_not_exists(schema).await?;
            }
            let table = &migrator.table_name;
            connection.ensure_migrations_table(table).await?;
            for migration in History::read(connection, migrator).await?.missing() {
                self.step(connection, migrator, migration, Way::Apply)
                    .await?;
            }
            // `require` reads the history as the role that serves.
            connection
                .execute(AssertSqlSafe(format!("GRANT SELECT ON {table} TO app")))
                .await
                .with_context(|| format!("let the role app read {table}"))?;
        }
        db::leave_turn(connection).await.context("leave the turn")
    }

    /// Undoes what was applied to a schema after `version`. Data goes with it: for development alone.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), and if there is no such schema or version.
    pub async fn undo(
        &self,
        connection: &mut PgConnection,
        schema: &str,
        version: i64,
    ) -> anyhow::Result<()> {
        let mut migrators = self.migrators.iter();
        let migrator = migrators.find(|migrator| schema_of(migrator) == schema);
        let migrator = migrator.with_context(|| format!("there is no schema {schema}"))?;
        ensure!(
            version == 0 || migrator.version_exists(version),
            "{schema} has no migration {version}: 0 undoes them all"
        );
        self.take_turn(connection).await?;
        let history = History::read(connection, migrator).await?;
        history.check()?;
        for migration in history.undone_by(version) {
            self.step(connection, migrator, migration, Way::Undo)
                .await?;
        }
        db::leave_turn(connection).await.context("leave the turn")
    }

    /// Waits until no other process migrates this database. The turn ends with the session at the latest.
    async fn take_turn(&self, connection: &mut PgConnection) -> anyhow::Result<()> {
        for attempt in 1..=self.patience.attempts {
            if db::take_turn(connection).await.context("take the turn")? {
                return Ok(());
            }
            let holder = db::turn_holder(connection).await.context("ask who it is")?;
            let holder =
                holder.map_or_else(String::new, |pid| format!(" (process {pid} of PostgreSQL)"));
            if attempt == self.patience.attempts {
                bail!(
                    "another process is migrating this database{holder} and has not ended: look after it, and \
                     run `server migrate` again"
                );
            }
            if attempt == 1 {
                (self.tell)(&format!("another process is migrating{holder}: waiting"));
            }
            self.patience.rest(&self.entropy).await;
        }
        Ok(())
    }

    /// Applies or undoes one migration, and tries again where somebody holds a lock that it needs.
    async fn step(
        &self,
        connection: &mut PgConnection,
        migrator: &Migrator,
        migration: &Migration,
        way: Way,
    ) -> anyhow::Result<()> {
        let file = file_of(migrator, migration);
        db::set_lock_timeout(connection, self.patience.with(migration))
            .await
            .context("set lock_timeout")?;
        for attempt in 1..=self.patience.attempts {
            if migration.no_tx {
                self.drop_leftovers(connection, migrator, migration).await?;
            }
            let error = match way.go(connection, migrator, migration).await {
                Ok(took) => {
                    let done = way.done();
                    (self.tell)(&format!("{file}: {done} in {} ms", took.as_millis()));
                    return Ok(());
                }
                Err(error) if is_bad_moment(&error) => error,
                Err(error) => return Err(error).with_context(|| format!("run {file}")),
            };
            let holders = db::holders(connection, schema_of(migrator)).await;
            let holders = told(&holders.context("ask who holds locks")?);
            if attempt == self.patience.attempts {
                return Err(error).with_context(|| {
                    format!(
                        "{file} got no lock in {attempt} attempts, because of {holders}: nothing of it was done. \
                         End what runs so long, or wait for a quieter hour, and run `server migrate` again"
                    )
                });
            }
            (self.tell)(&format!(
                "{file}: no lock, because of {holders}; again soon"
            ));
            self.patience.rest(&self.entropy).await;
        }
        Ok(())
    }

    /// Drops what an attempt of this migration that failed left behind: `IF NOT EXISTS` would take an index that PostgreSQL
    /// never finished for one that is there.
    async fn drop_leftovers(
        &self,
        connection: &mut PgConnection,
        migrator: &Migrator,
        migration: &Migration,
    ) -> anyhow::Result<()> {
        let invalid = db::invalid_indexes(connection, schema_of(migrator)).await;
        for index in invalid.context("list invalid indexes")? {
            // `REINDEX CONCURRENTLY` builds under a name of its own.
            let name = index.name.split("_ccnew").next().unwrap_or_default();
            if !migration.sql.as_str().contains(name) {
                continue;
            }
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", index.quoted);
            connection
                .execute(AssertSqlSafe(drop))
                .await
                .with_context(|| format!("drop the unfinished index {}", index.name))?;
            (self.tell)(&format!(
                "{} was left unfinished by an attempt that failed: dropped",
                index.name
            ));
        }
        Ok(())
    }
}

/// Applies what is missing, each migration whole or not at all.
///
/// # Errors
/// As [`Migrations::apply`].
pub async fn apply(connection: &mut PgConnection, migrators: &[&Migrator]) -> anyhow::Result<()> {
    let tell = |line: &str| tracing::debug!("{line}");
    Migrations::new(migrators, Patience::default(), Entropy::system(), tell)
        .apply(connection)
        .await
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

fn is_bad_moment(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| BAD_MOMENTS.contains(&code.as_ref()))
}

fn told(holders: &BTreeSet<i32>) -> String {
    if holders.is_empty() {
        return "an older transaction".to_owned();
    }
    let holders: Vec<_> = holders.iter().map(i32::to_string).collect();
    format!("process {} of PostgreSQL", holders.join(", "))
}
