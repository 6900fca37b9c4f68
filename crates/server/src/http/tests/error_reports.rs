//! Errors and panics reach an error tracker over HTTP, with what is needed to find their cause.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use platform::jobs::{Job, JobError, JobResult, JobRun, Queue, Registry, Runner, Timing};
use platform::testing::{State as Wired, Wire};
use sentry::{Client, Hub, Scope, SentryFutureExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::{
    LogFormat, TelemetrySettings, listen_with, report_panic, sentry_layers, sentry_options,
};

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
    let _listening = listen_with(tracing_subscriber::registry().with(sentry_layers()));
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

/// As the program does, but with the message of the test's own panics.
fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            report_panic(panic);
            next(panic);
        }));
    });
}

#[tokio::test]
async fn a_panic_is_reported_once() {
    report_panics();
    let (dsn, mut events) = ingest().await;
    let server = Server::start().await;
    let _listening = listen_with(tracing_subscriber::registry().with(sentry_layers()));
    let hub = hub_for(dsn);
    let answer = server.get("/panic").bind_hub(Arc::clone(&hub)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);

    let event = events.recv().await.unwrap();
    assert_eq!(event["exception"]["values"][0]["type"], "panic");
    assert_eq!(event["tags"]["route"], "/panic");
    assert!(events.try_recv().is_err());
}

// When a hub ends it waits for its thread, so the broken tracker has to run beside it.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_tracker_that_is_away_is_not_noticed() {
    report_panics();
    let wire = Wire::to(outages::a_broken_server().await).await;
    let server = Server::start().await;
    let _listening = listen_with(tracing_subscriber::registry().with(sentry_layers()));
    // Broken, gone, too slow.
    for state in [Wired::Working, Wired::Cut, Wired::Silent] {
        wire.set(state).await;
        let hub = hub_for(format!("http://key@{}/1", wire.address()));
        for path in ["/fail", "/panic", "/fail"] {
            let answer = server.get(path).bind_hub(Arc::clone(&hub)).await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            assert!(answer.headers.contains_key("x-request-id"), "{state:?}");
        }
    }
}

/// An error tracker that takes reports and never says that it has sent them.
#[derive(Default)]
struct Tracker {
    reports: AtomicUsize,
    waited_for: AtomicUsize,
}

impl sentry::Transport for Tracker {
    fn send_envelope(&self, _: sentry::Envelope) {
        self.reports.fetch_add(1, Ordering::SeqCst);
    }

    fn flush(&self, _: Duration) -> bool {
        self.waited_for.fetch_add(1, Ordering::SeqCst);
        false
    }
}

#[tokio::test]
async fn nobody_waits_for_the_report_of_a_panic() {
    report_panics();
    let server = Server::start().await;
    let tracker = Arc::new(Tracker::default());
    let options = sentry_options(&TelemetrySettings {
        format: LogFormat::Json,
        sentry_dsn: Some("http://key@127.0.0.1:1/1".to_owned()),
        release: "1.2.3".to_owned(),
        environment: "test".to_owned(),
    });
    let options = options.transport(Arc::clone(&tracker));
    let client = Client::from(sentry::apply_defaults(options));
    let hub = Hub::new(Some(Arc::new(client)), Arc::new(Scope::default()));
    server.get("/panic").bind_hub(Arc::new(hub)).await;
    assert_eq!(tracker.reports.load(Ordering::SeqCst), 1);
    assert_eq!(tracker.waited_for.load(Ordering::SeqCst), 0);
}

#[derive(Serialize, Deserialize)]
struct Hopeless {
    panics: bool,
}

impl Job for Hopeless {
    const KIND: &'static str = "platform.hopeless";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: i16 = 1;
}

async fn fail_for_good(_: App, _: JobRun, job: Hopeless) -> JobResult {
    tracing::info!("about to fail");
    assert!(!job.panics, "hunter2");
    Err(JobError::fail(std::io::Error::other("hunter2")))
}

/// Runs a job that dies; gives the reports about it.
async fn reports_about(job: Hopeless) -> mpsc::UnboundedReceiver<Value> {
    let (dsn, events) = ingest().await;
    let server = Server::start().await;
    let platform = &server.platform;
    let runner = Runner::new(
        server.app.clone(),
        Registry::new().job(fail_for_good),
        platform.db.clone(),
        platform.clock.clone(),
        platform.entropy.clone(),
        Timing::default(),
    );
    let mut tx = platform.db.begin().await.unwrap();
    let enqueued = platform::correlation::scope("request-1".to_owned(), async {
        platform.jobs.enqueue(&mut tx, &job).await
    });
    enqueued.await.unwrap();
    tx.commit().await.unwrap();

    let _listening = listen_with(tracing_subscriber::registry().with(sentry_layers()));
    tracing::info!("of another run");
    let hub = hub_for(dsn);
    let ran = runner.run_due().bind_hub(Arc::clone(&hub)).await.unwrap();
    assert_eq!(ran.len(), 1);
    events
}

fn assert_names_the_run(event: &Value) {
    assert_eq!(event["tags"]["job"], "platform.hopeless");
    assert_eq!(event["tags"]["request_id"], "request-1");
    assert!(event["tags"]["job_id"].is_string(), "{event}");
    let before = event["breadcrumbs"].to_string();
    assert!(before.contains("about to fail"), "{event}");
    assert!(!before.contains("of another run"), "{event}");
}

#[tokio::test]
async fn a_dead_job_is_reported_with_its_kind_and_the_request_that_caused_it() {
    let mut events = reports_about(Hopeless { panics: false }).await;
    assert_names_the_run(&events.recv().await.unwrap());
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn a_panic_in_a_job_is_reported_with_its_kind_and_the_request_that_caused_it() {
    report_panics();
    let mut events = reports_about(Hopeless { panics: true }).await;
    let panic = events.recv().await.unwrap();
    assert_eq!(panic["exception"]["values"][0]["type"], "panic");
    assert_names_the_run(&panic);
}
