//! Telling the shop what happened: signed events over HTTP, sent again until the shop takes them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{ledger::Fact, signature::signature};
use crate::{
    Settings,
    recent::Recent,
    world::{self, Clock},
};

/// Attempts after which an event is given up; with the usual pause about 2 min of trying.
const MOST_ATTEMPTS: usize = 10;
/// The pause doubles after each attempt, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the shop may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Deliveries remembered for each event: one of its own and those asked for by hand.
const MOST_DELIVERIES: usize = 20;
/// The age of a signature that is sent late; receivers should tolerate 5 min.
const LATE_BY: TimeDelta = TimeDelta::minutes(10);

/// How an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Manner {
    /// As it happens, and again until the shop takes it.
    Usual,
    /// Once more, although the shop may have it.
    Again,
    /// With a valid signature from 10 min ago.
    Late,
    /// Signed with a secret that is not the shop's.
    Forged,
}

/// An event and all that was done to deliver it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// The id of the session, payment, charge or refund that it is about.
    pub(crate) object_id: String,
    pub(crate) created: DateTime<Utc>,
    /// Oldest first; empty if the shop is not to know.
    pub(crate) deliveries: Vec<Delivery>,
    /// What is sent: the same bytes each time.
    #[serde(skip)]
    body: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Delivery {
    id: String,
    pub(crate) manner: Manner,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    Trying,
    Delivered,
    GivenUp,
}

/// One request to the shop: either a status or the reason why there is none.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    pub(crate) at: DateTime<Utc>,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) took_ms: u128,
}

impl Attempt {
    fn is_success(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

/// The provider's outgoing post.
pub(crate) struct Webhooks {
    client: reqwest::Client,
    clock: Clock,
    secret: String,
    first_pause: Duration,
    endpoint: Mutex<Option<Url>>,
    events: Mutex<Recent<Event>>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Webhooks {
    pub(crate) fn try_new(
        settings: &Settings,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> reqwest::Result<Self> {
        Ok(Self {
            client: client()?,
            clock: settings.clock.clone(),
            secret: settings.webhook_secret.clone(),
            first_pause: settings.webhook_pause,
            endpoint: Mutex::new(settings.webhook_url.clone()),
            events: Mutex::new(Recent::new(settings.kept)),
            tasks,
            stopping,
        })
    }

    pub(crate) fn set_endpoint(&self, endpoint: Url) {
        *self.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(endpoint);
    }

    pub(crate) fn endpoint(&self) -> Option<Url> {
        self.endpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn events(&self) -> MutexGuard<'_, Recent<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an event without telling the shop.
    pub(crate) fn record(&self, fact: Fact) -> String {
        let id = world::id("evt");
        let created = self.clock.now();
        let object_id = fact.object["id"].as_str().unwrap_or_default().to_owned();
        let body = json!({
            "id": id,
            "object": "event",
            "api_version": "2024-06-20",
            "created": created.timestamp(),
            "data": { "object": fact.object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": fact.kind,
        });
        self.events().push(Event {
            id: id.clone(),
            kind: fact.kind,
            object_id,
            created,
            deliveries: Vec::new(),
            body: body.to_string(),
        });
        id
    }

    /// Sends an event until the shop takes it. The receiver hears when the first attempt is over.
    pub(crate) fn send(self: &Arc<Self>, fact: Fact) -> oneshot::Receiver<()> {
        let event_id = self.record(fact);
        let (answered, answer) = oneshot::channel();
        let webhooks = Arc::clone(self);
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            let sending = webhooks.keep_sending(&event_id, answered);
            stopping.run_until_cancelled(sending).await;
        });
        answer
    }

    /// Sends an event once, as asked for by hand. `None` if it has been forgotten.
    pub(crate) async fn send_once(&self, event_id: &str, manner: Manner) -> Option<Attempt> {
        let (delivery, body) = self.begin(event_id, manner)?;
        let attempt = self.attempt(&body, manner).await;
        let state = if attempt.is_success() {
            DeliveryState::Delivered
        } else {
            DeliveryState::GivenUp
        };
        self.note(event_id, &delivery, attempt.clone(), state);
        Some(attempt)
    }

    async fn keep_sending(&self, event_id: &str, answered: oneshot::Sender<()>) {
        let mut answered = Some(answered);
        let Some((delivery, body)) = self.begin(event_id, Manner::Usual) else {
            return;
        };
        let mut pause = self.first_pause;
        for number in 1..=MOST_ATTEMPTS {
            let attempt = self.attempt(&body, Manner::Usual).await;
            let state = match attempt.is_success() {
                true => DeliveryState::Delivered,
                false if number == MOST_ATTEMPTS => DeliveryState::GivenUp,
                false => DeliveryState::Trying,
            };
            self.note(event_id, &delivery, attempt, state);
            if let Some(answered) = answered.take() {
                // Nobody listens when the event is not part of a payment on the page.
                let _ = answered.send(());
            }
            if state != DeliveryState::Trying {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn attempt(&self, body: &str, manner: Manner) -> Attempt {
        let at = self.clock.now();
        let started = Instant::now();
        let signature = match manner {
            Manner::Usual | Manner::Again => signature(&self.secret, at, body),
            Manner::Late => signature(&self.secret, at - LATE_BY, body),
            Manner::Forged => signature("whsec_not_the_shops_secret", at, body),
        };
        let answer = self.post(body, signature).await;
        Attempt {
            at,
            took_ms: started.elapsed().as_millis(),
            status: answer.as_ref().ok().copied(),
            error: answer.err(),
        }
    }

    async fn post(&self, body: &str, signature: String) -> Result<u16, String> {
        let Some(endpoint) = self.endpoint() else {
            return Err("no webhook address is set".to_owned());
        };
        let request = self
            .client
            .post(endpoint)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("stripe-signature", signature)
            .body(body.to_owned());
        match request.send().await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) if error.is_timeout() => Err("no answer within 10 s".to_owned()),
            Err(error) if error.is_connect() => Err("no connection".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn begin(&self, event_id: &str, manner: Manner) -> Option<(String, String)> {
        let mut events = self.events();
        let event = events.find_mut(|event| event.id == event_id)?;
        if event.deliveries.len() == MOST_DELIVERIES {
            event.deliveries.remove(0);
        }
        let id = world::id("delivery");
        event.deliveries.push(Delivery {
            id: id.clone(),
            manner,
            state: DeliveryState::Trying,
            attempts: Vec::new(),
        });
        Some((id, event.body.clone()))
    }

    fn note(&self, event_id: &str, delivery: &str, attempt: Attempt, state: DeliveryState) {
        let mut events = self.events();
        let noted = events
            .find_mut(|event| event.id == event_id)
            .and_then(|event| {
                event
                    .deliveries
                    .iter_mut()
                    .find(|noted| noted.id == delivery)
            });
        if let Some(noted) = noted {
            noted.state = state;
            noted.attempts.push(attempt);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the partner's own client; it sets its deadline here and follows no redirect"
)]
fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(DEADLINE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}
