//! Errors and panics reach an error tracker over HTTP, with what is needed to find their cause.

use std::sync::Arc;

use sentry::{Client, Hub, Scope, SentryFutureExt as _};
use serde_json::Value;
use tokio::sync::mpsc;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::*;
use crate::telemetry::{LogFormat, TelemetrySettings, sentry_layers, sentry_options};

/// Takes in what an error tracker would, on a port of this machine.
async fn ingest() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let envelopes = post(async move |envelope: String| {
        // An envelope is one JSON document a line; the event is the last of three.
        if let Some(event) = envelope.lines().nth(2) {
            sender.send(serde_json::from_str(event).unwrap()).unwrap();
        }
        "{}"
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dsn = format!("http://key@{}/1", listener.local_addr().unwrap());
    let router = Router::new().route("/api/1/envelope/", envelopes);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (dsn, receiver)
}

fn hub_for(dsn: String) -> Arc<Hub> {
    let options = sentry_options(&TelemetrySettings {
        format: LogFormat::Json,
        sentry_dsn: Some(dsn),
        release: "1.2.3".to_owned(),
        environment: "test".to_owned(),
    });
    let client = Client::from(sentry::apply_defaults(options));
    Arc::new(Hub::new(Some(Arc::new(client)), Arc::new(Scope::default())))
}

#[tokio::test]
async fn an_error_is_reported_with_release_route_user_and_what_came_before() {
    let (dsn, mut events) = ingest().await;
    let server = Server::start().await;
    let _subscriber = tracing_subscriber::registry()
        .with(sentry_layers())
        .set_default();
    let hub = hub_for(dsn);
    let work = server.get("/fail?token=canary");
    let answer = work.bind_hub(Arc::clone(&hub)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);

    let event = events.recv().await.unwrap();
    assert_eq!(event["release"], "1.2.3");
    assert_eq!(event["environment"], "test");
    assert_eq!(event["tags"]["route"], "/fail");
    assert_eq!(
        event["tags"]["request_id"],
        answer.headers["x-request-id"].to_str().unwrap()
    );
    let error_id = event["tags"]["error_id"].as_str().unwrap();
    assert!(
        answer.text().contains(error_id),
        "the page names the error that was reported"
    );
    assert!(event["user"]["id"].is_string(), "{event}");
    let causes = event["exception"]["values"].to_string();
    assert!(
        causes.contains("insert order") && causes.contains("hunter2"),
        "{causes}"
    );
    assert!(
        event["breadcrumbs"].to_string().contains("about to fail"),
        "{event}"
    );
    assert!(!event.to_string().contains("canary"), "{event}");
}

// The panic hook waits until its report is sent, so the tracker must run on another thread.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_reported_once() {
    let (dsn, mut events) = ingest().await;
    let server = Server::start().await;
    let _subscriber = tracing_subscriber::registry()
        .with(sentry_layers())
        .set_default();
    let hub = hub_for(dsn);
    let answer = server.get("/panic").bind_hub(Arc::clone(&hub)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);

    let event = events.recv().await.unwrap();
    assert_eq!(event["exception"]["values"][0]["type"], "panic");
    assert_eq!(event["tags"]["route"], "/panic");
    assert!(events.try_recv().is_err());
}
