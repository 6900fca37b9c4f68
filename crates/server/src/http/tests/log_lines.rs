//! The one line about each request, and the id that leads from it to the lines of its jobs.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::{json_lines, listen_with, query_layer};
use crate::worker;

/// What was written to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let lines = json_lines(move || log.clone());
        listen_with(
            tracing_subscriber::registry()
                .with(lines)
                .with(query_layer()),
        )
    }

    /// The lines with this message; every line has to be a JSON document.
    fn lines(&self, message: &str) -> Vec<Value> {
        let written = self.0.lock().unwrap().clone();
        let lines = std::str::from_utf8(&written).unwrap().lines();
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == message).collect()
    }
}

#[tokio::test]
async fn each_request_is_one_line_with_all_that_one_asks_about_it() {
    let server = Server::start().await;
    let log = Log::default();
    let _listening = log.listen();
    let answer = server.get("/fail?token=canary").await;

    let lines = log.lines("request");
    let [line] = &lines[..] else {
        panic!("one line: {lines:?}")
    };
    let request_id = answer.headers["x-request-id"].to_str().unwrap();
    for (field, value) in [
        ("request_id", json!(request_id)),
        ("method", json!("GET")),
        ("route", json!("/fail")),
        ("status", json!(500)),
        ("user_id", json!("00000000-0000-0000-0000-000000000000")),
        ("client", json!("0.0.0.0")),
        ("release", json!(server.app.site().release)),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "UTC");
    assert!(line["ms"].as_f64().unwrap() > 0.0);
    assert!(line["db_ms"].is_number() && line["db_statements"].is_u64());
    let error_id = line["error_id"].as_str().unwrap();
    assert!(answer.text().contains(error_id));
    assert!(!line.to_string().contains("canary"), "{line}");
}

#[tokio::test]
async fn statements_are_counted_in_the_line() {
    let server = Server::start().await;
    let log = Log::default();
    let _listening = log.listen();
    server.get("/").await;
    let line = log.lines("request").remove(0);
    assert!(line["db_statements"].as_u64().unwrap() > 0, "{line}");
    assert!(line["db_ms"].as_f64().unwrap() > 0.0, "{line}");
}

#[tokio::test]
async fn a_requests_id_leads_to_the_lines_of_its_jobs() {
    let server = Server::start().await;
    let log = Log::default();
    let _listening = log.listen();
    let account = json!({
        "email": "ann@example.com",
        "name": "Ann Lee",
        "password": "copper kettles sing at dawn",
    });
    let request = Request::post("/api/v1/users")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(account.to_string()))
        .unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);

    worker::runner(&server.app).run_due().await.unwrap();
    let lines = log.lines("job");
    assert!(!lines.is_empty());
    for line in lines {
        let request_id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(line["span"]["correlation_id"], request_id, "{line}");
    }
}
