//! A sandbox, a client of it, and a shop that takes its webhooks.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use reqwest::{Client, Method, RequestBuilder, Response, redirect::Policy};
use sandbox::{Running, Settings};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

/// Longer than anything here takes, shorter than a tester's patience.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) sandbox: Running,
    client: Client,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        Self {
            sandbox: sandbox::start(settings).await.unwrap(),
            client: client(),
        }
    }

    /// With a shop that answers its webhooks with these statuses, and with 200 after them.
    pub(crate) async fn start_with_shop(statuses: &[u16]) -> (Self, Shop) {
        let shop = Shop::open(statuses).await;
        let world = Self::start_with(Settings {
            webhook_url: Some(shop.webhook_url.parse().unwrap()),
            webhook_pause: Duration::from_millis(1),
            ..Settings::default()
        })
        .await;
        (world, shop)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.public_url);
        self.client.request(method, url)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// A call of the payment API with the right key.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth("sk_test_sandbox")
    }

    pub(crate) async fn api_get(&self, path: &str) -> Value {
        let response = self.api(Method::GET, path).send().await.unwrap();
        response.json().await.unwrap()
    }

    pub(crate) async fn api_post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let request = self.api(Method::POST, path).form(form);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Opens a session for 25.00 EUR and gives its id.
    pub(crate) async fn open_session(&self) -> String {
        let (status, session) = self.api_post("/v1/checkout/sessions", SESSION).await;
        assert_eq!(status, 200, "{session}");
        session["id"].as_str().unwrap().to_owned()
    }

    /// Presses a button of the payment page.
    pub(crate) async fn press(&self, session: &str, outcome: &str) -> Response {
        self.request(Method::POST, &format!("/pay/{session}"))
            .form(&[("outcome", outcome)])
            .send()
            .await
            .unwrap()
    }

    /// Opens a session, pays it, and gives the payment's id.
    pub(crate) async fn pay(&self) -> String {
        let id = self.open_session().await;
        self.press(&id, "pay").await;
        let session = self.api_get(&format!("/v1/checkout/sessions/{id}")).await;
        session["payment_intent"].as_str().unwrap().to_owned()
    }

    pub(crate) fn mailer(&self) -> AsyncSmtpTransport<Tokio1Executor> {
        let address = self.sandbox.smtp_addr;
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
            .port(address.port())
            .build()
    }

    pub(crate) async fn behave(&self, partner: &str, behaviour: Value) {
        let path = format!("/control/{partner}");
        let request = self.request(Method::POST, &path).json(&behaviour);
        let response = request.send().await.unwrap();
        assert_eq!(response.json::<Value>().await.unwrap(), behaviour);
    }
}

pub(crate) const SESSION: &[(&str, &str)] = &[
    ("mode", "payment"),
    (
        "success_url",
        "http://shop.example/thanks?session={CHECKOUT_SESSION_ID}",
    ),
    ("cancel_url", "http://shop.example/cart"),
    ("client_reference_id", "order-17"),
    ("metadata[order_id]", "17"),
    ("payment_intent_data[metadata][order_id]", "17"),
    ("line_items[0][price_data][currency]", "eur"),
    ("line_items[0][price_data][unit_amount]", "1000"),
    ("line_items[0][price_data][product_data][name]", "Lamp"),
    ("line_items[0][quantity]", "2"),
    ("line_items[1][price_data][currency]", "EUR"),
    ("line_items[1][price_data][unit_amount]", "500"),
    ("line_items[1][price_data][product_data][name]", "Bulb"),
    ("line_items[1][quantity]", "1"),
];

#[expect(clippy::disallowed_methods, reason = "a client of the tests' own")]
fn client() -> Client {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// A webhook as it arrived.
pub(crate) struct Received {
    pub(crate) signature: String,
    pub(crate) body: String,
    pub(crate) event: Value,
}

pub(crate) struct Shop {
    pub(crate) webhook_url: String,
    received: mpsc::UnboundedReceiver<Received>,
}

struct Counter {
    statuses: Mutex<Vec<u16>>,
    received: mpsc::UnboundedSender<Received>,
}

impl Shop {
    pub(crate) async fn open(statuses: &[u16]) -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let counter = Arc::new(Counter {
            statuses: Mutex::new(statuses.iter().rev().copied().collect()),
            received: sender,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let webhook_url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/webhooks", post(take))
            .with_state(counter);
        tokio::spawn(async { axum::serve(listener, router).await });
        Self {
            webhook_url,
            received,
        }
    }

    pub(crate) async fn next(&mut self) -> Received {
        let next = timeout(PATIENCE, self.received.recv()).await;
        next.expect("a webhook arrives").unwrap()
    }

    /// The next of this type, with others passed over.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Received {
        loop {
            let received = self.next().await;
            if received.event["type"] == kind {
                return received;
            }
        }
    }

    /// True if nothing more has come so far.
    pub(crate) fn heard_nothing(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

async fn take(State(counter): State<Arc<Counter>>, headers: HeaderMap, body: String) -> StatusCode {
    let received = Received {
        signature: headers["stripe-signature"].to_str().unwrap().to_owned(),
        event: serde_json::from_str(&body).unwrap(),
        body,
    };
    counter.received.send(received).unwrap();
    let status = counter.statuses.lock().unwrap().pop().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

/// Asks again until the answer is right.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answer = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, answer).await.expect("it becomes true")
}
