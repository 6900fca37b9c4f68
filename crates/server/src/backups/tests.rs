use platform::testing::TestPlatform;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::*;
use crate::{seed, worker};

/// A shop with demo data, whose payments and refunds are booked.
async fn a_shop() -> (TestPlatform, App) {
    let subscriptions = worker::registry().subscriptions();
    let platform = TestPlatform::start_with(&migrations::all(), subscriptions).await;
    let app = App::for_tests(&platform);
    seed::seed(&app).await.unwrap();
    (platform, app)
}

/// Does to the database what no application may.
async fn damage(platform: &TestPlatform, statement: &'static str) {
    let url = platform.database().superuser_url();
    let mut superuser = PgConnection::connect(url.as_str()).await.unwrap();
    let damage = format!("SET session_replication_role = replica; {statement}");
    superuser.execute(AssertSqlSafe(damage)).await.unwrap();
}

async fn refusal(app: &App, against: Option<PathBuf>) -> String {
    let verify = Action::Verify { against };
    look_after(app, &verify).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_database_that_is_whole_is_found_to_be_and_each_damage_is_named() {
    let (platform, app) = a_shop().await;
    let told = look_after(&app, &Action::Verify { against: None }).await;
    let told = told.unwrap();
    assert!(told.contains("the books balance"), "{told}");

    damage(
        &platform,
        "UPDATE billing.ledger_entries SET amount = amount + 1 WHERE account = 'sales'",
    )
    .await;
    assert!(refusal(&app, None).await.contains("the ledger sums to "));
    damage(
        &platform,
        "TRUNCATE billing.ledger_entries, billing.ledger_transactions",
    )
    .await;
    let refused = refusal(&app, None).await;
    assert!(refused.contains("made and not booked"), "{refused}");
    damage(&platform, "UPDATE users.users SET password_hash = 'gone'").await;
    let refused = refusal(&app, None).await;
    assert!(refused.contains("nobody can sign in to "), "{refused}");
    damage(&platform, "UPDATE orders.products SET currency = 'XXX'").await;
    let refused = refusal(&app, None).await;
    assert!(refused.contains("the shop answers 500"), "{refused}");
    damage(&platform, "DELETE FROM orders._migrations").await;
    assert!(refusal(&app, None).await.contains("server migrate"));
}

#[tokio::test]
async fn what_differs_from_the_census_of_the_moment_is_named() {
    let (platform, app) = a_shop().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("census.json");
    let census = look_after(&app, &Action::Census).await.unwrap();
    fs::write(&file, census).unwrap();
    let against = || Some(file.clone());
    look_after(&app, &Action::Verify { against: against() })
        .await
        .unwrap();

    damage(
        &platform,
        "UPDATE orders.products SET stock = stock + 1 WHERE slug = 'everyday-mug'",
    )
    .await;
    let refused = refusal(&app, against()).await;
    assert!(refused.contains("orders.products has "), "{refused}");
    assert!(refused.ends_with("but not the same ones"), "{refused}");
    fs::write(&file, "no census").unwrap();
    assert!(refusal(&app, against()).await.contains("is no census"));
}

#[tokio::test]
async fn what_was_done_is_put_on_record() {
    let (platform, app) = a_shop().await;
    let backups = Backups::new(&platform);
    for action in [Action::Record, Action::RecordRestore] {
        look_after(&app, &action).await.unwrap();
    }
    let known = backups.safeguards().await.unwrap();
    assert!(known.backup.is_some() && known.verified_restore.is_some());
}
