use kernel::Entropy;
use secrecy::SecretString;

use super::*;
use crate::db::DbSettings;
use crate::testing::TestPlatform;

const OFF: Setting = Setting {
    enabled: false,
    percentage: 100,
};

async fn set(platform: &TestPlatform, setting: Setting) {
    let mut tx = platform.db.begin().await.unwrap();
    platform
        .flags
        .set_in_tx(&mut tx, Flag::SignUpOpen, setting, "a test")
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_flag_that_nobody_has_set_stands_at_its_default() {
    let platform = TestPlatform::start(&[]).await;
    assert!(platform.flags.is_on(Flag::SignUpOpen).await);
}

#[tokio::test]
async fn a_change_is_seen_by_another_instance_once_its_snapshot_is_old() {
    let platform = TestPlatform::start(&[]).await;
    let db = platform.db.clone();
    let patient = Flags::with_max_age(db.clone(), Clock::system(), Duration::from_hours(1));
    let eager = Flags::with_max_age(db, Clock::system(), Duration::ZERO);
    assert!(patient.is_on(Flag::SignUpOpen).await);
    assert!(eager.is_on(Flag::SignUpOpen).await);

    set(&platform, OFF).await;
    assert!(
        patient.is_on(Flag::SignUpOpen).await,
        "its snapshot is not yet old"
    );
    assert!(!eager.is_on(Flag::SignUpOpen).await);
    patient.forget();
    assert!(!patient.is_on(Flag::SignUpOpen).await);
}

#[tokio::test]
async fn many_who_find_the_snapshot_old_ask_the_database_once() {
    let platform = TestPlatform::start(&[]).await;
    set(&platform, OFF).await;
    let db = Db::new(&platform.db_settings()).unwrap();
    let flags = Flags::new(db.clone(), Clock::system());
    let asked = futures::future::join_all((0..50).map(|_| flags.is_on(Flag::SignUpOpen)));
    assert!(asked.await.into_iter().all(|on| !on));
    assert_eq!(
        db.pool().size(),
        1,
        "one asked, so one connection was opened"
    );
}

#[tokio::test]
async fn while_the_database_is_away_the_flags_stand_as_last_seen() {
    let platform = TestPlatform::start(&[]).await;
    set(&platform, OFF).await;
    assert!(!platform.flags.is_on(Flag::SignUpOpen).await);
    platform.db.pool().close().await;
    platform.flags.forget();
    assert!(!platform.flags.is_on(Flag::SignUpOpen).await);

    let nowhere = Db::new(&DbSettings {
        url: SecretString::from("postgres://app@127.0.0.1:1/nowhere"),
        pool_size: 1,
        acquire_timeout: Duration::from_millis(100),
    });
    let never_loaded = Flags::new(nowhere.unwrap(), Clock::system());
    assert!(never_loaded.is_on(Flag::SignUpOpen).await);
}

#[tokio::test]
async fn a_percentage_is_on_for_about_that_many_and_always_for_the_same() {
    let platform = TestPlatform::start(&[]).await;
    let quarter = Setting {
        enabled: true,
        percentage: 25,
    };
    set(&platform, quarter).await;
    platform.flags.forget();
    assert!(
        !platform.flags.is_on(Flag::SignUpOpen).await,
        "not on for everybody"
    );

    let entropy = Entropy::seeded(1);
    let mut on = 0;
    for _ in 0..2_000 {
        let user_id = UserId::generate(&platform.clock, &entropy);
        let first = platform.flags.is_on_for(Flag::SignUpOpen, user_id).await;
        assert_eq!(
            first,
            platform.flags.is_on_for(Flag::SignUpOpen, user_id).await
        );
        on += usize::from(first);
    }
    assert!((400..600).contains(&on), "{on} of 2,000");
}
