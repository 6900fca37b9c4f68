//! What to send to each route so that its handler does what it is there for.
//!
//! What a route names (an order, a file, a token in a letter) is its customer's, and new for each call that changes
//! something. What it does not name (a cart, an account) is the caller's own. A route that reads needs nothing here, unless
//! its template has a parameter of a new name.

mod browser;
mod endpoints;
mod program;

use billing::testing::{WEBHOOK_SECRET, sign_webhook};
use bytes::Bytes;
use kernel::{AttachmentId, Cursor, PageRequest, PageSize, Token};
use orders::Order;
use orders::testing::A_PNG;
use platform::storage::ObjectKey;
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

use super::routes::{Port, Route};
use super::world::{Person, Things, World};

/// The password that a form changes to.
const OTHER_PASSWORD: &str = "teapot-glacier-marble-19";

/// How long an address of a file is good for.
const A_WHILE: Duration = Duration::from_mins(5);

/// Where links in letters lead.
const LINKS: [&str; 3] = ["/verify-email", "/confirm-email", "/reset-password"];

/// A request, without what tells who sends it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Call {
    /// A request without a body.
    pub(super) fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    fn with(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.headers.push(("content-type", content_type.to_owned()));
        self.body = body.into();
        self
    }

    fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = serde_urlencoded::to_string(fields).expect("a form");
        self.with("application/x-www-form-urlencoded", body)
    }

    fn json(self, body: &Value) -> Self {
        self.with("application/json", body.to_string())
    }

    /// A form with a file.
    fn file(self, field: &str, content: &[u8]) -> Self {
        let head = format!(
            "--x\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"a.png\"\r\n\r\n"
        );
        let body = [head.as_bytes(), content, b"\r\n--x--\r\n"].concat();
        self.with("multipart/form-data; boundary=x", body)
    }
}

/// The ways in which a route is called: the empty one, where there is only one. Each is a row of the table of access and has
/// a budget of statements.
pub(super) fn ways(route: &Route) -> &'static [&'static str] {
    match route.name().as_str() {
        "GET /products" | "GET /api/v1/products" => &["", "a search", "a shelf", "the next page"],
        "GET /orders" | "GET /api/v1/orders" => &["", "a search", "the next page"],
        "GET /files/{*key}" | "PUT /files/{*key}" => &["a signed address", "a forged address"],
        "POST /webhooks/payments" => &["a signed event", "a forged event"],
        _ => &[""],
    }
}

/// Whether a call is there to be refused before anything is done.
pub(super) fn is_refused(way: &str) -> bool {
    way.starts_with("a forged")
}

/// Who calls what of whom.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    /// Whose things the route names.
    pub(super) customer: &'a Person,
    /// What they have to read.
    pub(super) things: &'a Things,
    /// Who calls; `None` for nobody in particular.
    pub(super) caller: Option<&'a Person>,
}

impl Scene<'_> {
    /// The call of `route` in one of its [`ways`]; `None` if nobody has said yet what to send.
    pub(super) async fn call(&self, route: &Route, way: &str) -> Option<Call> {
        let name = route.name();
        match (name.as_str(), way) {
            ("POST /webhooks/payments", _) => Some(self.webhook(way == "a signed event")),
            (_, "a signed address" | "a forged address") => {
                Some(self.file(&route.method, way == "a signed address").await)
            }
            _ if route.is_reading() => self.reading(&route.template, way).await,
            _ => match self.about_an_endpoint(&name).await {
                Some(call) => Some(call),
                None if route.is_api() => self.in_a_program(&name).await,
                None => self.in_a_browser(&name).await,
            },
        }
    }

    async fn reading(&self, template: &str, way: &str) -> Option<Call> {
        let things = self.things;
        // Of both, only what is still to be paid has anything to ask the provider.
        let order = if template.contains("/payment/") {
            &things.open
        } else {
            &things.order
        };
        let id = if template.contains("/invoices/") {
            things.invoice.to_string()
        } else if template.contains("webhook") {
            things.endpoint.to_string()
        } else {
            things.attachment.to_string()
        };
        let asset = server::http::assets::address("app.css");
        let path = template
            .replace("{number}", &order.number.to_string())
            .replace("{id}", &id)
            .replace("{slug}", &things.product.slug)
            .replace("/pictures/{name}", &format!("/pictures/{}", things.picture))
            .replace("/assets/{*name}", &asset)
            .replace("/api/docs/{*rest}", "/api/docs/index.html");
        let query = match way {
            "a search" if template == "/orders" => "?words=thing".to_owned(),
            "a search" => "?q=thing".to_owned(),
            "a shelf" => "?category=things".to_owned(),
            "the next page" => format!("?after={}", self.cursor(template).await),
            // The form of a letter's link. Whether its token is good, it asks when it is sent.
            _ if LINKS.contains(&template) => {
                let token = Token::generate(&self.world.platform.entropy);
                format!("?token={}", token.reveal())
            }
            _ => String::new(),
        };
        (!path.contains('{')).then(|| Call::new("GET", path + &query))
    }

    /// Where a list goes on after its first row.
    async fn cursor(&self, template: &str) -> Cursor {
        let first = PageRequest {
            after: None,
            size: PageSize::clamped(1),
        };
        let orders = self.world.app.orders();
        let next = if template.ends_with("/products") {
            orders
                .list_products(None, &first)
                .await
                .expect("products")
                .next
        } else {
            orders
                .list(self.customer.id, &first)
                .await
                .expect("orders")
                .next
        };
        next.expect("a second row")
    }

    /// A file that storage has signed an address for, or one whose address was guessed.
    async fn file(&self, method: &str, is_signed: bool) -> Call {
        let storage = &self.world.platform.storage;
        let key = ObjectKey::new("planted/a.png").expect("a key");
        let url = if method == "PUT" {
            let put = storage.presign_put(&key, "image/png", 1_000, A_WHILE);
            put.await.expect("an address").url
        } else {
            let put = storage.put(&key, "image/png", A_PNG.into());
            put.await.expect("a file");
            let get = storage.presign_get(&key, A_WHILE, None);
            get.await.expect("an address")
        };
        let path = if is_signed {
            path_of(&url)
        } else {
            url.path().to_owned()
        };
        Call::new(method, path).with("image/png", A_PNG)
    }

    fn webhook(&self, is_signed: bool) -> Call {
        let event = json!({
            "id": format!("evt_{}", self.world.new_name()),
            "type": "checkout.session.completed",
            "data": { "object": { "id": "cs_unknown" } },
        });
        let body = event.to_string();
        let secret = if is_signed {
            WEBHOOK_SECRET
        } else {
            "whsec_guessed"
        };
        let now = self.world.platform.clock.now();
        let signature = sign_webhook(&secret.into(), body.as_bytes(), now);
        let mut call = Call::post("/webhooks/payments").with("application/json", body);
        call.headers.push(("stripe-signature", signature));
        call
    }

    /// Who a route that names nobody is about.
    fn whoever(&self) -> &Person {
        self.caller.unwrap_or(self.customer)
    }

    /// A new order of the customer's.
    async fn order(&self) -> Order {
        self.world.order_of(self.customer, 1).await
    }

    /// A new order of the customer's, and a file with it.
    async fn attached(&self) -> (Order, AttachmentId) {
        let order = self.order().await;
        let orders = self.world.app.orders();
        let attached = orders.attach(self.customer.id, order.number, "a.png", A_PNG.into());
        let attached = attached.await.expect("an attachment");
        (order, attached.id)
    }

    /// A new order of the customer's, and a file that has arrived and is not yet attached.
    async fn uploaded(&self) -> (Order, AttachmentId) {
        let order = self.order().await;
        let orders = self.world.app.orders();
        let started = orders.start_attachment(self.customer.id, order.number, "a.png", "image/png");
        let started = started.await.expect("an upload");
        self.put(&started.upload.url).await;
        (order, started.id)
    }

    /// A picture of the customer's that has arrived.
    async fn avatar(&self) -> String {
        let started = self.world.app.users();
        let started = started.start_avatar_upload(self.customer.id, "image/png");
        let started = started.await.expect("an upload");
        self.put(&started.upload.url).await;
        started.id.to_string()
    }

    async fn put(&self, url: &Url) {
        let call = Call::new("PUT", path_of(url)).with("image/png", super::world::PICTURE);
        let put = self.world.send(Port::Public, call, None).await;
        assert!(put.status.is_success(), "{:?}", put.body);
    }

    /// The token of a letter to the customer, who asks for it with `call`.
    async fn mailed(&self, page: &str, call: Call) -> String {
        // The letters of calls before, so that the next one is the one that was asked for.
        self.world.work().await;
        let caller = Some(self.customer);
        let asked = self.world.send(Port::Public, call, caller).await;
        assert!(asked.status.is_success(), "{:?}", asked.body);
        self.world.last_token(page).await
    }

    /// Of somebody who has just signed up: the customer's address was verified long ago.
    async fn verification(&self) -> String {
        self.world.work().await;
        let name = self.world.new_name();
        self.world.app.users().a_newcomer(&name).await;
        self.world.last_token("verify-email").await
    }

    async fn password_reset(&self) -> String {
        let call = Call::post("/api/v1/password-resets");
        let call = call.json(&json!({ "email": self.customer.email }));
        self.mailed("reset-password", call).await
    }

    async fn email_change(&self) -> String {
        let body = json!({ "new_email": self.new_email(), "password": users::testing::PASSWORD });
        let call = Call::post("/api/v1/me/email").json(&body);
        self.mailed("confirm-email", call).await
    }

    fn new_email(&self) -> String {
        format!("{}@example.com", self.world.new_name())
    }
}

fn path_of(url: &Url) -> String {
    format!("{}?{}", url.path(), url.query().unwrap_or_default())
}
