//! The hosted payment page: where the provider's customer decides how the payment goes.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;
use url::Url;

use super::{
    Payments,
    ledger::{Checkout, Line, Progress},
    objects::{CheckoutSession, SessionStatus},
};
use crate::{App, web};

/// The provider lets its customer wait this long for the shop to hear of the payment, so that
/// the page to which the customer returns can already know.
const WAIT_FOR_SHOP: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Router<App> {
    Router::new().route("/pay/{session}", get(show).post(decide))
}

/// The buttons.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Pay,
    Decline,
    Cancel,
    /// Pays after a while.
    Slow,
    /// Pays, tells nobody, and leaves the browser where it is.
    Silent,
}

#[derive(Deserialize)]
struct Decision {
    outcome: Outcome,
}

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage {
    shop: String,
    total: String,
    lines: Vec<LineView>,
    customer_email: Option<String>,
    way_back: Option<String>,
    slow_seconds: u64,
    view: View,
}

struct LineView {
    name: String,
    quantity: i64,
    total: String,
}

enum View {
    Open { declined: bool },
    Processing,
    PaidUnannounced,
    Expired,
}

#[derive(Template)]
#[template(path = "no_payment.html")]
struct NoPaymentPage;

async fn show(State(payments): State<Arc<Payments>>, Path(id): Path<String>) -> Response {
    let found = payments.with_ledger(|ledger| {
        let checkout = ledger.checkout(&id)?.clone();
        let intent = checkout.session.payment_intent.as_deref();
        let declined = intent
            .and_then(|intent| ledger.intent(intent))
            .is_some_and(|intent| intent.last_payment_error.is_some());
        Some((checkout, declined))
    });
    let Some((checkout, declined)) = found else {
        return not_found();
    };
    let view = match (checkout.session.status, checkout.progress) {
        (SessionStatus::Open, Progress::Processing) => View::Processing,
        (SessionStatus::Open, _) => View::Open { declined },
        (SessionStatus::Complete, Progress::Unannounced) => View::PaidUnannounced,
        (SessionStatus::Complete, _) => return to_shop(&checkout.session),
        (SessionStatus::Expired, _) => View::Expired,
    };
    let success = success_url(&checkout.session);
    let cancel = cancel_url(&checkout.session);
    let leads_to: Vec<_> = success.iter().chain(&cancel).collect();
    let page = pay_page(
        &payments,
        &checkout,
        view,
        success.as_ref(),
        cancel.as_ref(),
    );
    web::page(&page, &leads_to)
}

fn pay_page(
    payments: &Payments,
    checkout: &Checkout,
    view: View,
    success: Option<&Url>,
    cancel: Option<&Url>,
) -> PayPage {
    let session = &checkout.session;
    let line = |line: &Line| LineView {
        name: line.name.clone(),
        quantity: line.quantity,
        total: web::amount(line.unit_amount * line.quantity, &session.currency),
    };
    PayPage {
        shop: success
            .and_then(Url::host_str)
            .unwrap_or("the shop")
            .to_owned(),
        total: web::amount(session.amount_total, &session.currency),
        lines: checkout.lines.iter().map(line).collect(),
        customer_email: session.customer_email.clone(),
        way_back: cancel.map(Url::to_string),
        slow_seconds: payments.slow_payment.as_secs(),
        view,
    }
}

async fn decide(
    State(payments): State<Arc<Payments>>,
    Path(id): Path<String>,
    Form(decision): Form<Decision>,
) -> Response {
    let Some(session) = payments.with_ledger(|ledger| Some(ledger.checkout(&id)?.session.clone()))
    else {
        return not_found();
    };
    match decision.outcome {
        Outcome::Pay => {
            payments.pay(&id).await;
            return to_shop(&session);
        }
        Outcome::Cancel => {
            if let Some(url) = cancel_url(&session) {
                return Redirect::to(url.as_str()).into_response();
            }
        }
        Outcome::Decline => {
            let fact = payments.with_ledger(|ledger| ledger.decline(&id));
            payments.announce(fact);
        }
        Outcome::Slow => payments.pay_later(id.clone()),
        Outcome::Silent => payments.pay_silently(&id),
    }
    Redirect::to(&format!("/pay/{id}")).into_response()
}

impl Payments {
    /// Takes the money and returns once the shop has answered, or has had its time to.
    async fn pay(&self, session_id: &str) {
        let facts = self.with_ledger(|ledger| ledger.pay(session_id));
        if let Some(answer) = self.announce(facts.into_iter().flatten()) {
            let waiting = tokio::time::timeout(WAIT_FOR_SHOP, answer);
            self.unless_stopping(waiting).await;
        }
    }

    fn pay_later(self: &Arc<Self>, session_id: String) {
        if !self.with_ledger(|ledger| ledger.begin_processing(&session_id)) {
            return;
        }
        let payments = Arc::clone(self);
        self.tasks.spawn(async move {
            let delay = tokio::time::sleep(payments.slow_payment);
            if payments.unless_stopping(delay).await.is_some() {
                payments.pay(&session_id).await;
            }
        });
    }

    fn pay_silently(&self, session_id: &str) {
        let facts = self.with_ledger(|ledger| ledger.pay_unannounced(session_id));
        for fact in facts.into_iter().flatten() {
            self.webhooks.record(fact);
        }
    }
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, web::page(&NoPaymentPage, &[])).into_response()
}

fn to_shop(session: &CheckoutSession) -> Response {
    match success_url(session) {
        Some(url) => Redirect::to(url.as_str()).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Where a paid customer goes; the shop may have asked for the session's id in it.
fn success_url(session: &CheckoutSession) -> Option<Url> {
    let address = session
        .success_url
        .replace("{CHECKOUT_SESSION_ID}", &session.id);
    Url::parse(&address).ok()
}

fn cancel_url(session: &CheckoutSession) -> Option<Url> {
    Url::parse(session.cancel_url.as_deref()?).ok()
}
