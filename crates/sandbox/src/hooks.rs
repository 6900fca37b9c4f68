//! A customer's endpoint: it takes the webhooks that the product sends to its customers, and shows which of them are signed
//! as Standard Webhooks 1.0.0 says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use askama::Template;
use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    behaviour::{Mode, Switch},
    recent::Recent,
    web,
    world::Clock,
};

/// How far a signature's time may be from ours, either way.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// How many secrets are tried: the last ones that were entered.
const SECRETS: usize = 10;

pub(crate) struct Hooks {
    /// How the endpoint behaves; the page is always well.
    pub(crate) switch: Switch,
    clock: Clock,
    stopping: CancellationToken,
    store: Mutex<Store>,
}

struct Store {
    received: Recent<Message>,
    secrets: VecDeque<Vec<u8>>,
}

/// A message as it came.
#[derive(Clone)]
struct Message {
    received_at: DateTime<Utc>,
    id: String,
    timestamp: String,
    signatures: String,
    body: String,
}

/// What the page and its JSON twin tell of a message.
#[derive(Serialize)]
struct MessageView {
    time: String,
    id: String,
    kind: String,
    /// Whether one of the secrets has signed it; `None` while none was entered.
    signed: Option<bool>,
    body: String,
}

impl Hooks {
    /// At most `kept` messages are remembered.
    pub(crate) fn new(clock: Clock, kept: usize, stopping: CancellationToken) -> Self {
        Self {
            switch: Switch::default(),
            clock,
            stopping,
            store: Mutex::new(Store {
                received: Recent::new(kept),
                secrets: VecDeque::new(),
            }),
        }
    }

    fn keep(&self, headers: &HeaderMap, body: String) {
        // Not fuzzed: the product has written it.
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let message = Message {
            received_at: self.clock.now(),
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature"),
            body,
        };
        self.store().received.push(message);
    }

    /// Newest first.
    fn list(&self) -> Vec<MessageView> {
        let store = self.store();
        let view = |message: &Message| MessageView {
            time: message.received_at.format("%H:%M:%S").to_string(),
            id: message.id.clone(),
            kind: message.kind(),
            signed: (!store.secrets.is_empty())
                .then(|| store.secrets.iter().any(|key| message.is_signed_with(key))),
            body: message.body.clone(),
        };
        store.received.iter().map(view).collect()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Message {
    // Not fuzzed: the product has written it.
    fn kind(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["type"].as_str().unwrap_or("?").to_owned()
    }

    fn is_signed_with(&self, key: &[u8]) -> bool {
        let at = self.timestamp.parse().ok();
        let at = at.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if at.is_none_or(|at| (self.received_at - at).abs() > TOLERANCE) {
            return false;
        }
        let mac = Hmac::<Sha256>::new_from_slice(key)
            .expect("HMAC takes keys of every length")
            .chain_update(format!("{}.{}.", self.id, self.timestamp))
            .chain_update(&self.body);
        let given = self.signatures.split(' ');
        let given = given.filter_map(|signature| signature.strip_prefix("v1,"));
        given
            .filter_map(|signature| STANDARD.decode(signature).ok())
            .any(|signature| mac.clone().verify_slice(&signature).is_ok())
    }
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/hooks", get(show).post(receive))
        .route("/hooks/secret", post(add_secret))
        .route("/hooks.json", get(list_json))
}

async fn receive(State(hooks): State<Arc<Hooks>>, headers: HeaderMap, body: String) -> StatusCode {
    let behaviour = hooks.switch.get();
    match behaviour.mode {
        Mode::Failing => return StatusCode::INTERNAL_SERVER_ERROR,
        Mode::Hanging => {
            hooks.stopping.cancelled().await;
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        Mode::Normal | Mode::Slow => hooks.keep(&headers, body),
    }
    let delay = tokio::time::sleep(behaviour.delay());
    hooks.stopping.run_until_cancelled(delay).await;
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Secret {
    secret: String,
}

async fn add_secret(
    State(hooks): State<Arc<Hooks>>,
    headers: HeaderMap,
    Form(form): Form<Secret>,
) -> Response {
    let key = form.secret.trim().strip_prefix("whsec_");
    let Some(key) = key.and_then(|key| STANDARD.decode(key).ok()) else {
        let message = "A secret begins with whsec_, and base64 follows.";
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    {
        let mut store = hooks.store();
        store.secrets.push_front(key);
        store.secrets.truncate(SECRETS);
    }
    web::done(&headers, "/hooks", &hooks.list())
}

async fn list_json(State(hooks): State<Arc<Hooks>>) -> Json<Vec<MessageView>> {
    Json(hooks.list())
}

#[derive(Template)]
#[template(path = "hooks.html")]
struct HooksPage {
    messages: Vec<MessageView>,
}

async fn show(State(hooks): State<Arc<Hooks>>) -> Response {
    let messages = hooks.list();
    web::page(&HooksPage { messages }, &[])
}
