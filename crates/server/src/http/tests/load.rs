//! More requests than the process or its database can serve.

use std::sync::Arc;

use platform::db::{Db, DbSettings};
use platform::sessions::{NewSession, SessionLimits};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::*;

async fn ask(router: &Router, method: &str, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).unwrap();
    Answer::read(router.clone().oneshot(request).await.unwrap()).await
}

// The clock is paused: it moves on by itself as soon as anything waits, so no time passes if and only if nothing waits.
#[tokio::test(start_paused = true)]
async fn what_comes_on_top_is_refused_at_once_without_asking_anybody() {
    let settings = Settings {
        max_requests_in_flight: 1,
        ..Settings::for_tests()
    };
    // Nothing is connected: whoever asked the database would wait for it.
    let app = App::connect(&settings).unwrap();
    let metrics = telemetry::metrics();
    let arrived = Arc::new(Notify::new());
    let handler = {
        let arrived = Arc::clone(&arrived);
        async move || {
            arrived.notify_one();
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
    };
    let slow = Router::new()
        .route("/slow", get(handler.clone()).post(handler.clone()))
        .route("/api/v1/slow", get(handler))
        .merge(assets::routes())
        .merge(health::routes());
    let router = layered(slow, app.clone());
    let served = tokio::spawn({
        let router = router.clone();
        async move { ask(&router, "GET", "/slow").await }
    });
    arrived.notified().await;

    let begun = Instant::now();
    for (method, path, content_type) in [
        ("GET", "/slow", "text/html; charset=utf-8"),
        ("POST", "/slow", "text/html; charset=utf-8"),
        ("GET", "/api/v1/slow", "application/problem+json"),
    ] {
        let refused = ask(&router, method, path).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(refused.header(header::RETRY_AFTER), "2", "{path}");
        assert_eq!(refused.header(header::CONTENT_TYPE), content_type);
    }
    let style = assets::address("app.css");
    for path in ["/livez", &style] {
        assert_eq!(ask(&router, "GET", path).await.status, StatusCode::OK);
    }
    assert!(begun.elapsed() < Duration::from_millis(50));
    assert!(metrics.render().contains("http_requests_shed_total"));

    // A client that leaves gives its place to the next.
    served.abort();
    assert!(served.await.is_err());
    let free = ask(&router, "GET", "/nowhere").await;
    assert_eq!(free.status, StatusCode::NOT_FOUND);
}

/// A server whose one connection to the database is taken, with what production waits for it.
async fn without_a_connection(server: &Server) -> (App, Router, impl Drop) {
    let settings = Settings::for_tests();
    let mut platform = (*server.platform).clone();
    platform.db = Db::new(&DbSettings {
        pool_size: 1,
        acquire_timeout: settings.database.acquire_timeout,
        ..server.platform.db_settings()
    })
    .unwrap();
    let taken = platform.db.acquire().await.unwrap();
    let app = App::build(&settings, platform).unwrap();
    (app.clone(), router(app), taken)
}

#[tokio::test]
async fn whoever_waits_two_seconds_for_a_connection_is_asked_to_come_back() {
    let server = Server::start().await;
    let (_app, router, _taken) = without_a_connection(&server).await;
    for path in ["/products", "/api/v1/products"] {
        // With the clock paused, waiting takes exactly as long as it is meant to.
        tokio::time::pause();
        let begun = Instant::now();
        let refused = ask(&router, "GET", path).await;
        assert!(begun.elapsed() <= Duration::from_millis(2_100), "{path}");
        tokio::time::resume();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(refused.header(header::RETRY_AFTER), "2", "{path}");
    }
}

#[tokio::test]
async fn whoever_has_a_session_waits_once_and_not_again_for_the_page() {
    let server = Server::start().await;
    let user_id = server.app.users().a_customer("ann").await;
    let session = NewSession {
        user_id,
        generation: 1,
        user_agent: String::new(),
        network: String::new(),
        limits: SessionLimits::CUSTOMER,
    };
    let sessions = &server.platform.sessions;
    let (token, _) = sessions.create(session).await.unwrap();
    let (_app, router, _taken) = without_a_connection(&server).await;
    // This page needs no connection: were it reached, it would say 404.
    let request = Request::get("/nowhere");
    let cookie = format!("__Host-session={}", token.reveal());
    let request = request.header(header::COOKIE, cookie).body(Body::empty());
    let answer = router.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}
