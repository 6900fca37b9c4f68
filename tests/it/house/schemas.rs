//! A module owns one schema, and nothing in the database ties two of them together.

use platform::testing::TestDatabase;
use sqlx::{Connection as _, PgConnection};

use super::graph::{House, root};

/// Every schema of ours, with the number of its migration histories.
const SCHEMAS: &str = "
    SELECT schema.nspname::text, count(history.oid)
    FROM pg_namespace AS schema
    LEFT JOIN pg_class AS history ON history.relnamespace = schema.oid AND history.relname = '_migrations'
    WHERE schema.nspname NOT LIKE 'pg\\_%' AND schema.nspname NOT IN ('information_schema', 'public')
    GROUP BY schema.nspname ORDER BY schema.nspname";

/// Views and functions that name a schema other than their own.
const INTRUDING: &str = "
    WITH code AS (
        SELECT schemaname AS schema, viewname AS name, definition AS text FROM pg_views
        UNION ALL SELECT schemaname, matviewname, definition FROM pg_matviews
        UNION ALL SELECT nspname, proname, prosrc FROM pg_proc JOIN pg_namespace AS owner ON owner.oid = pronamespace
    )
    SELECT code.schema || '.' || code.name || ' names ' || other
    FROM code, unnest($1::text[]) AS other
    WHERE code.schema = ANY($1) AND code.schema <> other AND code.text ~ ('\\m' || other || '\\.')";

const CROSSING: &str = "
    SELECT constraint_row.conname || ' on ' || owner.nspname || '.' || owning.relname || ' refers to ' || other.nspname
    FROM pg_constraint AS constraint_row
    JOIN pg_class AS owning ON owning.oid = constraint_row.conrelid
    JOIN pg_namespace AS owner ON owner.oid = owning.relnamespace
    JOIN pg_class AS referred ON referred.oid = constraint_row.confrelid
    JOIN pg_namespace AS other ON other.oid = referred.relnamespace
    WHERE constraint_row.contype = 'f' AND owner.oid <> other.oid";

#[expect(
    clippy::disallowed_methods,
    reason = "this asks the catalogue, which no module's role may describe"
)]
async fn crossing_foreign_keys(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(CROSSING)
        .fetch_all(connection)
        .await
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this asks the catalogue, which no module's role may describe"
)]
async fn intruders(connection: &mut PgConnection, owners: &[&str]) -> Vec<String> {
    sqlx::query_scalar(INTRUDING)
        .bind(owners)
        .fetch_all(connection)
        .await
        .unwrap()
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "this asks the catalogue, which no module's role may describe"
)]
async fn each_owner_has_one_schema_of_its_name_with_a_history_of_its_own() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let schemas: Vec<(String, i64)> = sqlx::query_as(SCHEMAS)
        .fetch_all(&mut migrator(&database).await)
        .await
        .unwrap();
    let house = House::read(root());
    let owned: Vec<_> = house.owners().map(|name| (name.to_owned(), 1)).collect();
    assert_eq!(schemas, owned);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "this plants the fault")]
async fn a_view_or_function_that_names_another_schema_is_found() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let mut connection = migrator(&database).await;
    let house = House::read(root());
    let owners: Vec<_> = house.owners().collect();
    assert_eq!(
        intruders(&mut connection, &owners).await,
        Vec::<String>::new()
    );

    sqlx::raw_sql(
        "CREATE VIEW billing.planted AS SELECT id FROM orders.orders;
         CREATE FUNCTION users.planted() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM billing.payments'",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let mut found = intruders(&mut connection, &owners).await;
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "billing.planted names orders",
            "users.planted names billing"
        ]
    );
}

async fn migrator(database: &TestDatabase) -> PgConnection {
    PgConnection::connect(database.url_of("migrator").as_str())
        .await
        .unwrap()
}

#[tokio::test]
async fn no_foreign_key_crosses_schemas() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let mut connection = migrator(&database).await;
    assert_eq!(
        crossing_foreign_keys(&mut connection).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "this plants the fault")]
async fn a_foreign_key_into_another_schema_is_found() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let mut connection = migrator(&database).await;
    sqlx::raw_sql(
        "CREATE TABLE billing.planted (order_id uuid CONSTRAINT planted_fkey REFERENCES orders.orders (id))",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let found = crossing_foreign_keys(&mut connection).await;
    assert_eq!(found, ["planted_fkey on billing.planted refers to orders"]);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "this tries what no code does")]
async fn the_serving_role_changes_no_schema() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let mut connection = PgConnection::connect(database.url_of("app").as_str())
        .await
        .unwrap();
    for statement in [
        "CREATE TABLE orders.planted (id uuid)",
        "ALTER TABLE orders.orders ADD COLUMN planted text",
        "DROP TABLE orders.orders",
        "DELETE FROM platform.audit_log",
        "UPDATE platform.events SET name = 'rewritten'",
    ] {
        let refused = sqlx::query(statement).execute(&mut connection).await;
        let code = refused.unwrap_err().into_database_error().unwrap();
        assert_eq!(code.code().as_deref(), Some("42501"), "{statement}");
    }
}
