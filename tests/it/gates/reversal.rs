//! Every migration can be undone and done again.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use tests::gates::reversal::check;

use super::{broken, told};

/// The migrations of `orders`, and one more.
fn with_planted(up: &'static str, down: &'static str) -> Migrator {
    let planted = [
        (MigrationType::ReversibleUp, up),
        (MigrationType::ReversibleDown, down),
    ];
    let planted = planted
        .map(|(kind, sql)| Migration::new(9999, "planted".into(), kind, sql.into_sql_str(), false));
    let ours = server::migrations::all();
    let ours = ours.iter().find(|it| it.table_name.starts_with("orders."));
    let ours = ours.expect("the history of orders");
    let mut migrations = ours.migrations.to_vec();
    migrations.extend(planted);
    Migrator {
        migrations: Cow::Owned(migrations),
        table_name: ours.table_name.clone(),
        create_schemas: ours.create_schemas.clone(),
        ..Migrator::DEFAULT
    }
}

#[tokio::test]
async fn every_migration_is_undone_and_done_again_over_rows() {
    let findings = check(&server::migrations::all()).await;
    assert!(findings.is_empty(), "{}", told(&findings));
}

#[tokio::test]
async fn what_a_down_migration_forgets_is_refused() {
    let planted = with_planted(
        "ALTER TABLE orders.orders ADD COLUMN region text, ALTER COLUMN city DROP NOT NULL;
         CREATE INDEX orders_city_idx ON orders.orders (city);
         GRANT DELETE ON orders.orders TO app;
         DROP INDEX orders.orders_history_idx;
         COMMENT ON COLUMN orders.orders.name IS 'planted';
         CREATE FUNCTION orders.one() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE orders.orders DROP COLUMN region",
    );
    let findings = check(&[&planted]).await;
    for (rule, place) in broken(&findings) {
        assert_eq!(rule, "reversible");
        assert_eq!(place, "migrations/orders/9999_planted.down.sql");
    }
    let told = told(&findings);
    for what in [
        "index orders_city_idx is left behind",
        "table orders was",
        "column orders.city was",
        "index orders_history_idx is gone",
        "column orders.name was",
        "function one() is left behind",
    ] {
        assert!(told.contains(what), "{what} is not in\n{told}");
    }
    assert_eq!(findings.len(), 6, "{told}");
}

#[tokio::test]
async fn a_down_migration_that_fails_is_refused() {
    let planted = with_planted(
        "ALTER TABLE orders.orders ADD COLUMN region text",
        "ALTER TABLE orders.orders DROP COLUMN regio",
    );
    let findings = check(&[&planted]).await;
    let place = "migrations/orders/9999_planted.down.sql";
    assert_eq!(broken(&findings), [("reversible", place)]);
    let told = told(&findings);
    assert!(
        told.contains("column \"regio\" of relation \"orders\" does not exist"),
        "{told}"
    );
}

#[tokio::test]
async fn a_migration_that_no_row_survives_is_refused() {
    let planted = with_planted(
        "ALTER TABLE orders.orders ADD CONSTRAINT orders_planted CHECK (city = 'Kiel')",
        "ALTER TABLE orders.orders DROP CONSTRAINT orders_planted",
    );
    let findings = check(&[&planted]).await;
    let place = "migrations/orders/9999_planted.up.sql";
    assert_eq!(broken(&findings), [("reversible", place)]);
    assert!(told(&findings).contains("is violated by some row"));
}
