//! The release before and this one get on with each other, and each fault that would part them is noticed.
//!
//! `cargo xtask compat` names the release before. Without it, this release is its own predecessor, which is all that the
//! planted faults need.

use std::path::PathBuf;

use platform::testing::services;
use tests::Release;
use tests::compat::{Planted, check};

use super::gates::told;

fn this() -> PathBuf {
    Release::this().server
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration that could tell it"
)]
#[tokio::test]
async fn the_release_before_and_this_one_serve_one_shop_side_by_side() {
    let before = std::env::var("SERVER_OF_THE_RELEASE_BEFORE");
    let before = before.map_or_else(|_| this(), PathBuf::from);
    let findings = check("compat", &before, Planted::default()).await;
    assert!(findings.is_empty(), "{}", told(&findings));
}

/// What is told when this release is its own predecessor and does `planted` besides.
async fn told_of(name: &str, planted: Planted) -> String {
    let findings = check(&format!("compat-{name}"), &this(), planted).await;
    let told = told(&findings);
    assert_eq!(findings.len(), 1, "{told}");
    assert!(told.contains("Expand in this release"), "{told}");
    told
}

async fn refused(name: &str, migration: &'static str) -> String {
    let planted = Planted {
        migration,
        ..Planted::default()
    };
    told_of(name, planted).await
}

#[tokio::test]
async fn a_column_that_the_release_before_reads_may_not_be_dropped() {
    let told = refused("dropped", "ALTER TABLE orders.orders DROP COLUMN city").await;
    assert!(
        told.starts_with("the release before shows its pages on the new schema"),
        "{told}"
    );
    assert!(told.contains("column \"city\" does not exist"), "{told}");
}

#[tokio::test]
async fn a_column_that_the_release_before_does_not_write_may_not_be_required() {
    let required = "ALTER TABLE orders.orders ADD COLUMN region text NOT NULL DEFAULT 'north';
        ALTER TABLE orders.orders ALTER COLUMN region DROP DEFAULT";
    let told = refused("required", required).await;
    assert!(
        told.starts_with("the release before sells on the new schema"),
        "{told}"
    );
    assert!(told.contains("null value in column \"region\""), "{told}");
}

#[tokio::test]
async fn a_constraint_may_not_refuse_what_the_release_before_writes() {
    let check =
        "ALTER TABLE orders.orders ADD CONSTRAINT orders_planted CHECK (country <> 'DE') NOT VALID";
    let told = refused("constraint", check).await;
    assert!(
        told.starts_with("the release before sells on the new schema"),
        "{told}"
    );
    assert!(told.contains("orders_planted"), "{told}");
}

#[tokio::test]
async fn a_payload_that_the_release_before_cannot_read_is_refused() {
    let planted = Planted {
        migration: "CREATE FUNCTION platform.wrap() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN NEW.payload = jsonb_build_object(''v2'', NEW.payload); RETURN NEW; END';
            CREATE TRIGGER wrap BEFORE INSERT ON platform.jobs FOR EACH ROW
                WHEN (current_setting('application_name') = 'this release') EXECUTE FUNCTION platform.wrap()",
        environment: vec![("PGAPPNAME", "this release".to_owned())],
    };
    let told = told_of("payload", planted).await;
    assert!(told.contains("read the job's payload"), "{told}");
}

#[tokio::test]
async fn a_session_that_this_release_cannot_read_is_refused() {
    // Where there are no sessions: it could as well be one that writes them otherwise.
    let elsewhere = format!("{}/0", services().redis_url);
    let planted = Planted {
        environment: vec![("REDIS_URL", elsewhere)],
        ..Planted::default()
    };
    let told = told_of("session", planted).await;
    assert!(
        told.starts_with("this release knows those who came to the one before"),
        "{told}"
    );
    assert!(told.contains("a session of the other release"), "{told}");
}
