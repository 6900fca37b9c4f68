//! A module owns one schema, and nothing in the database ties two of them together.

use platform::testing::TestDatabase;
use sqlx::{Connection as _, PgConnection};

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
