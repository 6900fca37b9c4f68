//! The whole shop in this process, for the gates that call its routes: the routers that serve, over a database of its own,
//! with the sandbox as its payment provider and people who come by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use billing::OpenPayment;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, StatusCode, header};
use kernel::{
    AttachmentId, Clock, EmailAddress, EndpointId, InvoiceId, ProductId, Role, SessionId, UserId,
};
use orders::{Order, Product};
use platform::db::Db;
use platform::sessions::{NewSession, SessionLimits};
use platform::storage::ObjectKey;
use platform::testing::TestPlatform;
use sandbox::Running;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use server::app::App;
use server::config::Settings;
use server::http::{private_router, router};
use server::telemetry::{Tally, query_layer};
use server::worker;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use users::TokenPair;
use users::testing::{PASSWORD, an_address, mailed_token};
use webhooks::MAX_ENDPOINTS;
use webhooks::testing::Receiver;

use super::calls::Call;
use super::routes::{Port, Route};
use crate::eventually;
use crate::shop::JWT_SIGNING_KEY;

/// A file that is attached to orders and shown as a picture.
pub(super) const PICTURE: &[u8] = include_bytes!("pixel.png");

/// The shop, and everything around it.
pub struct World {
    pub(super) app: App,
    pub(super) platform: TestPlatform,
    public: Router,
    private: Router,
    people: AtomicU32,
    /// Where everybody's endpoints are.
    pub(super) receiver: Receiver,
    _sandbox: Running,
}

/// Somebody with an account, a browser and a program.
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) email: String,
    access_token: String,
    session: String,
    pub(super) role: Role,
}

/// What a person has, to be read by themselves and by nobody else.
pub(super) struct Things {
    /// Paid, with an invoice and files.
    pub(super) order: Order,
    /// Its customer has gone to the payment page and not come back.
    pub(super) open: Order,
    pub(super) attachment: AttachmentId,
    pub(super) invoice: InvoiceId,
    /// It was told of everything that has happened to the orders.
    pub(super) endpoint: EndpointId,
    pub(super) product: Product,
    pub(super) picture: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Bytes,
    /// What was asked of the database for it.
    pub(super) tally: Option<Arc<Tally>>,
}

impl World {
    /// An empty shop.
    pub async fn open() -> Self {
        count_statements();
        let subscriptions = worker::registry().subscriptions();
        let platform = TestPlatform::start_with(&server::migrations::all(), subscriptions).await;
        // The sandbox lives by the machine's clock, and an expiry in its past is refused.
        let ahead = Clock::system().now() - platform.clock.now();
        platform.clock.advance(ahead);
        let sandbox = sandbox::start(sandbox::Settings::default()).await;
        let sandbox = sandbox.expect("a sandbox that starts");
        let mut settings = settings();
        let provider = sandbox.public_url.parse().expect("an address");
        settings.billing = billing::testing::settings(provider, "sk_test_sandbox");
        settings.webhooks = webhooks::testing::settings();
        let app = App::build(&settings, (*platform).clone()).expect("a shop");
        Self {
            public: router(app.clone()),
            private: private_router(app.clone()),
            app,
            platform,
            people: AtomicU32::default(),
            receiver: Receiver::start().await,
            _sandbox: sandbox,
        }
    }

    /// What is served on `port`.
    pub fn router(&self, port: Port) -> &Router {
        match port {
            Port::Public => &self.public,
            Port::Private => &self.private,
        }
    }

    /// The shop's database, as its own handlers reach it.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.platform.db
    }

    /// Puts `router` in place of what people are served, to see what the gates say of it.
    pub fn serve(&mut self, router: Router) {
        self.public = router;
    }

    /// Somebody new, signed in in a browser and in a program.
    pub(super) async fn person(&self, role: Role) -> Person {
        let local = self.new_name();
        let email = an_address(&local);
        let id = self.app.users().a_person(&local, role).await;
        let tokens = self.tokens(&email).await;
        Person {
            id,
            email: email.to_string(),
            access_token: tokens.access_token.expose_secret().to_owned(),
            session: self.session(id).await.0,
            role,
        }
    }

    async fn tokens(&self, email: &EmailAddress) -> TokenPair {
        let password = PASSWORD.into();
        let tokens = self.app.users().issue_tokens(email, &password);
        tokens.await.expect("tokens")
    }

    /// Whether somebody is still signed in, in browser and program, under the same address.
    pub(super) async fn knows(&self, person: &Person) -> bool {
        let page = Call::new("GET", "/account/profile");
        let page = self.send(Port::Public, page, Some(person)).await;
        let me = Call::new("GET", "/api/v1/me");
        let me = self.send(Port::Public, me, Some(person)).await;
        let me: Value = serde_json::from_slice(&me.body).unwrap_or_default();
        page.status.is_success() && me["email"] == person.email
    }

    /// A token that a program gets new ones for.
    pub(super) async fn refresh_token(&self, person: &Person) -> String {
        let email = EmailAddress::parse(&person.email).expect("an address");
        self.tokens(&email).await.refresh_token.reveal()
    }

    pub(super) fn new_name(&self) -> String {
        format!("person-{}", self.people.fetch_add(1, Ordering::Relaxed))
    }

    /// One more browser in which somebody is signed in.
    pub(super) async fn session(&self, user_id: UserId) -> (String, SessionId) {
        let session = NewSession {
            user_id,
            generation: 1,
            limits: SessionLimits::CUSTOMER,
            user_agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0".to_owned(),
            network: "203.0.113.0/24".to_owned(),
        };
        let sessions = &self.platform.sessions;
        let created = async || sessions.create(session.clone()).await.ok();
        let (token, id) = eventually("a session", created).await;
        (token.reveal(), id)
    }

    /// Gives somebody things: `rows` of each of which there can be that many.
    pub(super) async fn furnish(&self, person: &Person, rows: u32) -> Things {
        let orders = self.app.orders();
        let webhooks = self.app.webhooks();
        let endpoint = webhooks.an_endpoint(person.id, &self.receiver.url).await;
        let product = self.product(0).await;
        let mut placed = Vec::new();
        for number in 1..rows {
            placed.push(orders.a_placed_order(person.id).await);
            self.product(number).await;
            self.session(person.id).await;
        }
        let order = self.order_of(person, rows).await;
        let mut attachment = None;
        for number in 0..u64::from(rows).min(orders::MAX_ATTACHMENTS) {
            let name = format!("{number}.png");
            let attached = orders.attach(person.id, order.number, &name, PICTURE.into());
            attachment = Some(attached.await.expect("an attachment").id);
        }
        placed.push(order.clone());
        for order in &placed {
            self.settle(order).await;
        }
        self.work().await;
        let open = self.open_order(person).await;
        self.fill_cart(person, rows).await;
        // One less than a person may have, so that one more can be registered.
        let endpoints = usize::try_from(rows)
            .unwrap_or(usize::MAX)
            .min(MAX_ENDPOINTS - 1);
        for _ in 1..endpoints {
            webhooks.an_endpoint(person.id, &self.receiver.url).await;
        }
        let invoices = self.app.billing().invoices_of_order(person.id, order.id);
        let invoices = invoices.await.expect("invoices");
        Things {
            invoice: invoices.first().expect("an invoice").id,
            attachment: attachment.expect("an attachment"),
            picture: product.picture.clone(),
            endpoint: endpoint.id,
            order,
            open,
            product,
        }
    }

    /// A product on a shelf of its own, with a picture.
    async fn product(&self, number: u32) -> Product {
        let change = |product: &mut Product| product.category = format!("shelf-{number}");
        let product = self.app.orders().a_product_with(change).await;
        let key = ObjectKey::new(format!("products/{}", product.picture)).expect("a key");
        let put = self
            .platform
            .storage
            .put(&key, "image/svg+xml", PICTURE.into());
        put.await.expect("storage in memory");
        product
    }

    /// Puts `lines` products into somebody's cart; gives the total.
    pub(super) async fn fill_cart(&self, person: &Person, lines: u32) -> orders::PlaceOrder {
        let orders = self.app.orders();
        let mut filled = None;
        for _ in 0..lines {
            let product = orders.a_product().await;
            filled = Some(orders.a_filled_cart(person.id, &product, 1).await);
        }
        filled.expect("a line")
    }

    /// An order with so many lines.
    pub(super) async fn order_of(&self, person: &Person, lines: u32) -> Order {
        let command = self.fill_cart(person, lines).await;
        let placed = self.app.orders().place(person.id, command).await;
        placed.expect("an order")
    }

    /// An order whose customer is on the provider's page.
    pub(super) async fn open_order(&self, person: &Person) -> Order {
        let order = self.order_of(person, 1).await;
        let path = format!("/api/v1/orders/{}/payment", order.number);
        let call = Call::new("POST", path);
        let answer = self.send(Port::Public, call, Some(person)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        order
    }

    /// Has the money for an order arrive, and everything that follows from that.
    pub(super) async fn pay(&self, order: &Order) {
        self.settle(order).await;
        self.work().await;
    }

    async fn settle(&self, order: &Order) {
        let open = OpenPayment {
            order_id: order.id,
            order_number: order.number.to_string(),
            user_id: order.user_id,
            amount: order.total,
        };
        let paid = self.app.billing().seed_payment(open).await;
        paid.expect("a payment");
    }

    /// Runs what is due.
    pub(super) async fn work(&self) {
        let reports = worker::runner(&self.app).run_due().await.expect("a run");
        let failed: Vec<_> = reports.iter().filter(|it| it.error.is_some()).collect();
        assert!(failed.is_empty(), "{failed:?}");
    }

    /// A product in somebody's cart.
    pub(super) async fn line_of(&self, person: &Person) -> ProductId {
        let product = self.app.orders().a_product().await;
        self.app
            .orders()
            .a_filled_cart(person.id, &product, 1)
            .await;
        product.id
    }

    /// The token of the link to `page` in the letter that is sent next.
    pub(super) async fn last_token(&self, page: &str) -> String {
        self.work().await;
        mailed_token(&self.platform, page).reveal()
    }

    /// Makes a call on behalf of `caller`, who shows what their kind of client shows. Whoever is asked to come again does:
    /// a busy machine may keep Redis from answering within its deadline.
    pub(super) async fn send(&self, port: Port, call: Call, caller: Option<&Person>) -> Answer {
        eventually("an answer", async || {
            self.platform.redis.ping().await.ok()?;
            let answer = self.send_once(port, &call, caller).await;
            (answer.status != StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
        })
        .await
    }

    async fn send_once(&self, port: Port, call: &Call, caller: Option<&Person>) -> Answer {
        let mut request = Request::builder()
            .method(call.method.as_str())
            .uri(&call.path)
            .header("sec-fetch-site", "same-origin");
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(person) = caller {
            let (name, value) = person.shows(&call.path);
            request = request.header(name, value);
        }
        let request = request.body(Body::from(call.body.clone()));
        let router = self.router(port).clone();
        let response = router.oneshot(request.expect("a request")).await;
        let (mut parts, body) = response.expect("an answer").into_parts();
        Answer {
            status: parts.status,
            tally: parts.extensions.remove(),
            headers: parts.headers,
            body: to_bytes(body, 50_000_000).await.expect("a body"),
        }
    }
}

impl Person {
    /// The header by which a client of theirs is known: a program's token, or a browser's cookie.
    fn shows(&self, path: &str) -> (HeaderName, String) {
        if path.starts_with("/api/v1/") {
            let token = format!("Bearer {}", self.access_token);
            (header::AUTHORIZATION, token)
        } else {
            (header::COOKIE, format!("__Host-session={}", self.session))
        }
    }
}

impl Answer {
    /// Whether it brings a message for the next page.
    pub(super) fn has_message(&self) -> bool {
        let mut cookies = self.headers.get_all(header::SET_COOKIE).iter();
        cookies.any(|cookie| cookie.as_bytes().starts_with(b"__Host-flash="))
    }

    /// Where it sends to.
    pub(super) fn location(&self) -> &str {
        let location = self.headers.get(header::LOCATION);
        location.map_or("", |value| value.to_str().unwrap_or_default())
    }
}

impl Route {
    /// Whether it only reads.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.method == "GET"
    }
}

/// Has sqlx's word about each statement reach the tally of the request that sent it.
fn count_statements() {
    static COUNTING: std::sync::Once = std::sync::Once::new();
    COUNTING.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(query_layer());
        tracing::subscriber::set_global_default(subscriber).expect("nobody else listens");
    });
}

/// A developer's, because answers then tell what they cost, with a public address over https.
fn settings() -> Settings {
    let values = [
        ("ENVIRONMENT", "development"),
        ("PRODUCT_NAME", "Shop"),
        ("PUBLIC_URL", "https://shop.example"),
        ("DATABASE_URL", "postgres://app@localhost/shop"),
        ("REDIS_URL", "redis://localhost"),
        ("STORAGE_URL", "memory:"),
        ("SMTP_URL", "smtp://localhost"),
        ("MAIL_FROM", "shop@shop.example"),
        ("PAYMENT_API_URL", "http://localhost"),
        ("PAYMENT_API_KEY", "sk_test_sandbox"),
        ("PAYMENT_WEBHOOK_SECRETS", "whsec_sandbox_sandbox_sandbox"),
        ("SECRET_KEY", "a key that only this test knows and uses"),
        ("JWT_SIGNING_KEY", JWT_SIGNING_KEY),
        ("SELLER_ADDRESS", "1 Quay Street; Kiel"),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Settings::from_map(&BTreeMap::from(values)).expect("settings for a developer")
}
