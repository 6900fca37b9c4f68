//! A migration waits for the backfill that it relies on.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::*;
use crate::migrations;

const EXPAND: &str = "CREATE TABLE shelves.shelves (id bigint PRIMARY KEY, width int)";

const CONTRACT: &str = "-- Every shelf has a width.
    -- requires backfill: platform.count_visits
    ALTER TABLE shelves.shelves ALTER COLUMN width SET NOT NULL";

/// A module whose migrations are these.
fn module(statements: &[&'static str]) -> Migrator {
    let migrations = statements.iter().zip(1..).map(|(sql, version)| {
        let kind = MigrationType::ReversibleUp;
        Migration::new(version, "planted".into(), kind, sql.into_sql_str(), false)
    });
    let mut module = Migrator::with_migrations(migrations.collect());
    module.create_schema("shelves");
    module.dangerous_set_table_name("shelves._migrations");
    module
}

impl Shelf {
    async fn migrate(&self, module: &Migrator) -> anyhow::Result<()> {
        let url = self.platform.database().url_of("migrator");
        let mut connection = PgConnection::connect(url.as_str()).await?;
        migrations::apply(&mut connection, &[module]).await
    }
}

#[tokio::test]
async fn a_migration_is_refused_until_its_backfill_is_complete() {
    let shelf = Shelf::with(10).await;
    shelf.migrate(&module(&[EXPAND])).await.unwrap();
    let contracted = module(&[EXPAND, CONTRACT]);
    let refused = async || {
        let error = shelf.migrate(&contracted).await.unwrap_err().to_string();
        assert!(
            error.contains("do `server backfill run platform.count_visits`"),
            "{error}"
        );
    };
    refused().await;
    let backfills = shelf.backfills();
    backfills.start(CountVisits::NAME, false).await.unwrap();
    refused().await;
    shelf.work(&backfills).await;
    shelf.migrate(&contracted).await.unwrap();
}

#[tokio::test]
async fn an_empty_schema_may_have_every_migration() {
    let shelf = Shelf::with(0).await;
    shelf.migrate(&module(&[EXPAND, CONTRACT])).await.unwrap();
}
