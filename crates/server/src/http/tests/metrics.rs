//! What the private port tells Prometheus.

use platform::backups::Safeguard;
use platform::testing::start_of_time;
use sqlx::{AssertSqlSafe, Executor as _};

use super::*;

#[tokio::test]
async fn metrics_know_routes_by_their_template() {
    let server = Server::start().await;
    telemetry::metrics();
    server.get("/files/avatars/secret-name.png").await;
    server.get("/nowhere/secret-name").await;
    let private = private_router(server.app.clone());
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = Answer::read(private.oneshot(request).await.unwrap()).await;
    let text = answer.text();
    assert!(
        text.contains(r#"http_requests_total{method="GET",route="/files/{*key}",status="404"}"#),
        "{text}"
    );
    assert!(
        text.contains(r#"route="unmatched""#) && !text.contains("secret-name"),
        "{text}"
    );
    assert!(text.contains("db_pool_max 5"), "{text}");
}

#[tokio::test]
async fn metrics_are_served_on_the_private_port_alone() {
    let server = Server::start().await;
    let ask = async |router: Router| {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    };
    let app = server.app.clone();
    assert_eq!(ask(router(app.clone())).await, StatusCode::NOT_FOUND);
    assert_eq!(ask(private_router(app)).await, StatusCode::OK);
}

#[tokio::test]
async fn metrics_tell_how_many_mismatches_are_open() {
    let server = Server::start().await;
    telemetry::metrics();
    let mut connection = server.platform.db.acquire().await.unwrap();
    let planted = AssertSqlSafe(
        "INSERT INTO billing.mismatches (subject, kind, first_seen_at)
         SELECT 'pi_' || i, 'not_charged', now() FROM generate_series(1, 41) AS i",
    );
    connection.execute(planted).await.unwrap();
    let scrape = async || {
        let private = private_router(server.app.clone());
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let answer = Answer::read(private.oneshot(request).await.unwrap()).await;
        answer.text().to_owned()
    };
    let text = scrape().await;
    assert!(text.contains("billing_mismatches 41"), "{text}");

    // A figure from a database that is away would be a guess; the others do not wait for it.
    server.platform.database().set_reachable(false).await;
    assert!(scrape().await.contains("db_pool_max 5"));
}

/// The clock is the test's: it goes on as soon as everybody waits, so that no busy machine is taken for a slow database.
#[tokio::test]
async fn metrics_wait_for_a_silent_database_once_and_not_for_each_figure() {
    let server = Server::start().await;
    telemetry::metrics();
    let private = private_router(server.app.clone());
    let mut holder = server.platform.db.begin().await.unwrap();
    let locks = "LOCK TABLE billing.mismatches, platform.safeguards IN ACCESS EXCLUSIVE MODE";
    holder.execute(locks).await.unwrap();

    tokio::time::pause();
    let since = tokio::time::Instant::now();
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = private.oneshot(request).await.unwrap();
    assert!(since.elapsed() < Duration::from_millis(1_500));
    tokio::time::resume();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn metrics_tell_when_the_last_backup_was_made_and_when_one_was_proven() {
    let server = Server::start().await;
    telemetry::metrics();
    let backups = Backups::new(&server.platform);
    backups.record(Safeguard::Backup).await.unwrap();
    backups.record(Safeguard::VerifiedRestore).await.unwrap();
    let private = private_router(server.app.clone());
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = Answer::read(private.oneshot(request).await.unwrap()).await;
    let now = start_of_time().timestamp();
    for gauge in [
        "backup_last_timestamp_seconds",
        "backup_last_verified_restore_timestamp_seconds",
    ] {
        let line = format!("{gauge} {now}");
        assert!(answer.text().contains(&line), "{}", answer.text());
    }
}
