use chrono::TimeDelta;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::*;
use crate::testing::{TestPlatform, start_of_time};

async fn change(platform: &TestPlatform, statement: &'static str) {
    let url = platform.database().superuser_url();
    let mut superuser = PgConnection::connect(url.as_str()).await.unwrap();
    superuser.execute(AssertSqlSafe(statement)).await.unwrap();
}

#[tokio::test]
async fn what_was_never_done_has_no_time_and_the_latest_time_counts() {
    let platform = TestPlatform::start(&[]).await;
    let mut backups = Backups::new(&platform);
    let known = backups.safeguards().await.unwrap();
    assert_eq!((known.backup, known.verified_restore), (None, None));

    backups.record(Safeguard::Backup).await.unwrap();
    backups.record(Safeguard::VerifiedRestore).await.unwrap();
    let later = start_of_time() + TimeDelta::days(1);
    backups.clock = Clock::fixed(later);
    backups.record(Safeguard::Backup).await.unwrap();
    let known = backups.safeguards().await.unwrap();
    assert_eq!(known.backup, Some(later));
    assert_eq!(known.verified_restore, Some(start_of_time()));
}

#[tokio::test]
async fn a_census_knows_every_table_and_sees_each_altered_added_and_missing_row() {
    let platform = TestPlatform::start(&[]).await;
    let backups = Backups::new(&platform);
    backups.record(Safeguard::Backup).await.unwrap();
    let before = backups.census().await.unwrap();
    assert_eq!(before.0["platform.safeguards"].rows, 1);
    assert!(before.0.contains_key("platform._migrations"));
    assert_eq!(before, backups.census().await.unwrap());

    for (statement, difference) in [
        (
            "UPDATE platform.safeguards SET last_at = last_at + interval '1 microsecond'",
            "platform.safeguards has 1 rows, but not the same ones",
        ),
        (
            "INSERT INTO platform.safeguards VALUES ('restore', now())",
            "platform.safeguards has 2 rows instead of 1",
        ),
        (
            "TRUNCATE platform.safeguards",
            "platform.safeguards has 0 rows instead of 1",
        ),
        (
            "DROP TABLE platform.safeguards",
            "platform.safeguards is missing",
        ),
    ] {
        change(&platform, statement).await;
        let after = backups.census().await.unwrap();
        assert_eq!(after.differences(&before), [difference]);
    }
}

#[tokio::test]
async fn a_census_does_not_depend_on_the_order_in_which_rows_lie() {
    let platform = TestPlatform::start(&[]).await;
    let backups = Backups::new(&platform);
    backups.record(Safeguard::Backup).await.unwrap();
    backups.record(Safeguard::VerifiedRestore).await.unwrap();
    let before = backups.census().await.unwrap();
    // An update that changes nothing moves the row behind the others.
    change(
        &platform,
        "UPDATE platform.safeguards SET name = name WHERE name = 'backup'",
    )
    .await;
    assert_eq!(backups.census().await.unwrap(), before);
}
