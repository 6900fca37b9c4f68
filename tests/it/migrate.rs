//! The command that changes schemas, as the operator runs it.

use platform::testing::TestDatabase;
use tests::migrate;

const DEVELOPMENT: (&str, &str) = ("ENVIRONMENT", "development");

/// A database that knows the schema `platform` alone, and what the command said, if it succeeded.
async fn said(database: &TestDatabase, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = migrate(database, arguments, environment).await;
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn an_operator_sees_what_would_run_runs_it_and_a_developer_undoes_it() {
    let database = TestDatabase::create(&[]).await;
    let plan = said(&database, &["--plan"], &[]).await;
    assert!(plan.contains("-- migrations/orders/0001_catalogue.up.sql, whole or not at all"));
    assert!(plan.contains("CREATE TABLE orders.products ("));
    assert!(
        !plan.contains("migrations/platform/"),
        "that is applied: {plan}"
    );

    let applied = said(&database, &[], &[]).await;
    assert!(applied.contains("migrations/orders/0001_catalogue.up.sql: applied in"));
    assert!(applied.ends_with("The database is up to date.\n"));
    let plan = said(&database, &["--plan"], &[]).await;
    assert_eq!(plan, "The database is up to date: nothing would run.\n");

    let undone = said(&database, &["--down-to", "orders:2"], &[DEVELOPMENT]).await;
    assert!(undone.contains("migrations/orders/0003_orders.down.sql: undone in"));
    assert!(undone.ends_with("orders is at 2.\n"), "{undone}");
    let plan = said(&database, &["--plan"], &[]).await;
    assert!(
        plan.starts_with("-- migrations/orders/0003_orders.up.sql"),
        "{plan}"
    );
}

#[tokio::test]
async fn nothing_is_undone_in_production() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let output = migrate(&database, &["--down-to", "orders:2"], &[]).await;
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("not in production"), "{complaint}");
    let plan = said(&database, &["--plan"], &[]).await;
    assert_eq!(plan, "The database is up to date: nothing would run.\n");
}
