//! The control page: everything that passed between the product and its partners, and the
//! switches that make the partners behave badly. Each form has a JSON twin for tests.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::{
    App,
    behaviour::{Behaviour, Mode, Switch},
    hooks::Hooks,
    inbox::{Inbox, Message},
    payments::{
        Charge, Checkout, Delivery, DeliveryState, Event, Manner, Payments, Refund, SessionStatus,
    },
    web::{self, FormOrJson},
};

/// Rows of each kind that the page shows; the JSON lists have all.
const ROWS: usize = 50;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(show))
        .route("/control/{partner}", get(behaviour).post(set_behaviour))
        .route("/control/webhooks/endpoint", post(set_endpoint))
        .route("/control/webhooks/{event}/{manner}", post(send_by_hand))
        .route("/control/webhooks.json", get(list_events))
        .route("/control/charges.json", get(list_charges))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Partner {
    Payments,
    Smtp,
    Hooks,
}

impl App {
    fn switch(&self, partner: Partner) -> &Switch {
        match partner {
            Partner::Payments => &self.payments.switch,
            Partner::Smtp => &self.inbox.switch,
            Partner::Hooks => &self.hooks.switch,
        }
    }
}

async fn behaviour(State(app): State<App>, Path(partner): Path<Partner>) -> Json<Behaviour> {
    Json(app.switch(partner).get())
}

async fn set_behaviour(
    State(app): State<App>,
    Path(partner): Path<Partner>,
    headers: HeaderMap,
    FormOrJson(behaviour): FormOrJson<Behaviour>,
) -> Response {
    app.switch(partner).set(behaviour);
    web::done(&headers, "/", &behaviour)
}

#[derive(Deserialize, Serialize)]
struct Endpoint {
    url: Url,
}

async fn set_endpoint(
    State(payments): State<Arc<Payments>>,
    headers: HeaderMap,
    FormOrJson(endpoint): FormOrJson<Endpoint>,
) -> Response {
    payments.webhooks.set_endpoint(endpoint.url.clone());
    web::done(&headers, "/", &endpoint)
}

/// The ways in which an event can be sent by hand, as the addresses of the buttons name them.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ByHand {
    Again,
    Late,
    Forged,
}

async fn send_by_hand(
    State(payments): State<Arc<Payments>>,
    Path((event, by_hand)): Path<(String, ByHand)>,
    headers: HeaderMap,
) -> Response {
    let manner = match by_hand {
        ByHand::Again => Manner::Again,
        ByHand::Late => Manner::Late,
        ByHand::Forged => Manner::Forged,
    };
    match payments.webhooks.send_once(&event, manner).await {
        Some(attempt) => web::done(&headers, "/#webhooks", &attempt),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn list_events(State(payments): State<Arc<Payments>>) -> Json<Value> {
    let events: Vec<_> = payments.webhooks.events().iter().cloned().collect();
    Json(json!(events))
}

/// All money that moved, for comparing the product's books with the provider's.
async fn list_charges(State(payments): State<Arc<Payments>>) -> Json<Value> {
    let (charges, refunds) = payments.with_ledger(|ledger| {
        let charges: Vec<Charge> = ledger.charges().cloned().collect();
        let refunds: Vec<Refund> = ledger.refunds().cloned().collect();
        (charges, refunds)
    });
    Json(json!({ "charges": charges, "refunds": refunds }))
}

#[derive(Template)]
#[template(path = "control.html")]
struct ControlPage {
    partners: [PartnerView; 3],
    endpoint: Option<Url>,
    events: Vec<EventView>,
    payments: Vec<PaymentView>,
    messages: Vec<Arc<Message>>,
}

struct PartnerView {
    name: &'static str,
    path: &'static str,
    purpose: &'static str,
    behaviour: Behaviour,
}

impl PartnerView {
    const MODES: [(Mode, &'static str); 4] = [
        (Mode::Normal, "normal"),
        (Mode::Slow, "slow"),
        (Mode::Failing, "failing"),
        (Mode::Hanging, "hanging"),
    ];
}

struct EventView {
    id: String,
    kind: &'static str,
    object_id: String,
    created: String,
    deliveries: Vec<DeliveryView>,
}

impl EventView {
    fn new(event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            kind: event.kind,
            object_id: event.object_id.clone(),
            created: event.created.format("%H:%M:%S").to_string(),
            deliveries: event.deliveries.iter().map(DeliveryView::new).collect(),
        }
    }
}

struct DeliveryView {
    label: String,
    tone: &'static str,
}

impl DeliveryView {
    fn new(delivery: &Delivery) -> Self {
        let manner = match delivery.manner {
            Manner::Usual => "",
            Manner::Again => "again: ",
            Manner::Late => "late: ",
            Manner::Forged => "forged: ",
        };
        let last = delivery.attempts.last();
        let outcome = match last {
            None => "sending".to_owned(),
            Some(attempt) => match (attempt.status, &attempt.error) {
                (Some(status), _) => status.to_string(),
                (None, Some(error)) => error.clone(),
                (None, None) => String::new(),
            },
        };
        let tries = match delivery.attempts.len() {
            0 | 1 => String::new(),
            tries => format!(" · {tries} tries"),
        };
        // A shop is right to refuse these, and wrong to take them.
        let is_bad = matches!(delivery.manner, Manner::Late | Manner::Forged);
        let was_refused = last.is_some_and(|attempt| attempt.status.is_some());
        let tone = match delivery.state {
            DeliveryState::Trying => "waiting",
            DeliveryState::Delivered if !is_bad => "good",
            DeliveryState::GivenUp if is_bad && was_refused => "good",
            DeliveryState::Delivered | DeliveryState::GivenUp => "bad",
        };
        Self {
            label: format!("{manner}{outcome}{tries}"),
            tone,
        }
    }
}

struct PaymentView {
    id: String,
    reference: String,
    created: String,
    total: String,
    refunded: Option<String>,
    state: &'static str,
    is_open: bool,
}

impl PaymentView {
    fn new(checkout: &Checkout, charge: Option<&Charge>) -> Self {
        let session = &checkout.session;
        let refunded = charge.map_or(0, |charge| charge.amount_refunded);
        Self {
            id: session.id.clone(),
            reference: session.client_reference_id.clone().unwrap_or_default(),
            created: session.created.format("%H:%M:%S").to_string(),
            total: web::amount(session.amount_total, &session.currency),
            refunded: (refunded > 0).then(|| web::amount(refunded, &session.currency)),
            state: match session.status {
                SessionStatus::Open => "open",
                SessionStatus::Complete => "paid",
                SessionStatus::Expired => "expired",
            },
            is_open: session.status == SessionStatus::Open,
        }
    }
}

async fn show(
    State(payments): State<Arc<Payments>>,
    State(inbox): State<Arc<Inbox>>,
    State(hooks): State<Arc<Hooks>>,
) -> Response {
    let partners = [
        PartnerView {
            name: "Payment API",
            path: "/control/payments",
            purpose: "What /v1 answers. The payment page itself is always well.",
            behaviour: payments.switch.get(),
        },
        PartnerView {
            name: "Mail server",
            path: "/control/smtp",
            purpose: "What SMTP clients meet. The inbox itself is always readable.",
            behaviour: inbox.switch.get(),
        },
        PartnerView {
            name: "A customer's endpoint",
            path: "/control/hooks",
            purpose: "What webhooks to customers meet at /hooks. The page itself is always well.",
            behaviour: hooks.switch.get(),
        },
    ];
    let views = payments.with_ledger(|ledger| {
        let view = |checkout: &Checkout| {
            let intent = checkout.session.payment_intent.as_deref();
            let charge = ledger
                .charges()
                .find(|charge| Some(charge.payment_intent.as_str()) == intent);
            PaymentView::new(checkout, charge)
        };
        ledger.checkouts().take(ROWS).map(view).collect()
    });
    let events = payments.webhooks.events();
    let events = events.iter().take(ROWS).map(EventView::new).collect();
    let page = ControlPage {
        partners,
        endpoint: payments.webhooks.endpoint(),
        events,
        payments: views,
        messages: inbox.list(None).into_iter().take(ROWS).collect(),
    };
    web::page(&page, &[])
}
