//! A query that names a neighbour's table does not compile.

use platform::testing::{TestDatabase, services};
use sqlx::{Connection as _, PgConnection};

use super::scratch::Scratch;

/// The role that `cargo xtask prepare` checks the crate `orders` as: it may look into its own schema and platform's.
#[expect(
    clippy::disallowed_methods,
    reason = "roles are nothing that a module may make"
)]
async fn checking_role(database: &TestDatabase) -> String {
    let mut superuser = PgConnection::connect(&services().superuser_database_url)
        .await
        .unwrap();
    let role = "check_orders_planted";
    sqlx::raw_sql(
        "DO $$ BEGIN CREATE ROLE check_orders_planted LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    let mut migrator = PgConnection::connect(database.url_of("migrator").as_str())
        .await
        .unwrap();
    sqlx::raw_sql(
        "GRANT USAGE ON SCHEMA orders, platform TO check_orders_planted;
         GRANT ALL ON ALL TABLES IN SCHEMA orders, platform, billing TO check_orders_planted",
    )
    .execute(&mut migrator)
    .await
    .unwrap();
    database.url_of(role).to_string()
}

#[tokio::test]
async fn a_join_into_another_schema_does_not_compile() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let url = checking_role(&database).await;

    let sound = Scratch::new("sound");
    sound.plant(
        "crates/orders/src/db.rs",
        r#"pub(crate) async fn planted(connection: &mut sqlx::PgConnection) -> sqlx::Result<Option<i64>> {
            sqlx::query_scalar!("SELECT count(*) FROM orders.orders JOIN platform.events ON false")
                .fetch_one(connection).await
        }"#,
    );
    assert_eq!(sound.check("orders", &url), Ok(()));

    let crossing = Scratch::new("crossing");
    crossing.plant(
        "crates/orders/src/db.rs",
        r#"pub(crate) async fn planted(connection: &mut sqlx::PgConnection) -> sqlx::Result<Option<i64>> {
            sqlx::query_scalar!("SELECT count(*) FROM orders.orders JOIN billing.payments ON false")
                .fetch_one(connection).await
        }"#,
    );
    let refusal = crossing.check("orders", &url).unwrap_err();
    assert!(
        refusal.contains("permission denied for schema billing"),
        "{refusal}"
    );
}
