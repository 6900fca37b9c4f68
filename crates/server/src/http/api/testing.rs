//! A shop whose API is called as programs call it, and whose every answer is held against the API's description.

use std::ops::Deref;

use axum::Router;
use axum::body::{Body, to_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode, header};
use kernel::{Currency, Role, Token, UserId};
use orders::{Order, OrderNumber};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use url::Url;
use users::testing::{PASSWORD, an_address};

use crate::http::router;
use crate::testing::{Answer, Contract, TestShop};

/// A PNG of one pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC";

/// The demo shop, as programs see it.
pub(super) struct Shop {
    shop: TestShop,
    router: Router,
}

impl Deref for Shop {
    type Target = TestShop;

    fn deref(&self) -> &TestShop {
        &self.shop
    }
}

/// A program, with the token of whom it acts for.
pub(super) struct Program<'a> {
    shop: &'a Shop,
    token: Option<String>,
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::in_shop(TestShop::open().await).await
    }

    /// A shop that calls endpoints on this machine.
    pub(super) async fn open_beside_private_endpoints() -> Self {
        Self::in_shop(TestShop::open_beside_private_endpoints().await).await
    }

    async fn in_shop(shop: TestShop) -> Self {
        let orders = shop.app.orders();
        orders.seed_catalogue(Currency::Eur).await.unwrap();
        Self {
            router: router(shop.app.clone()),
            shop,
        }
    }

    /// Nobody's program.
    pub(super) fn stranger(&self) -> Program<'_> {
        Program {
            shop: self,
            token: None,
        }
    }

    /// A program that shows this token.
    pub(super) fn with_token(&self, token: &str) -> Program<'_> {
        Program {
            shop: self,
            token: Some(token.to_owned()),
        }
    }

    /// The program of a new person, `local@example.com`.
    pub(super) async fn program_of(&self, local: &str, role: Role) -> Program<'_> {
        self.app.users().a_person(local, role).await;
        self.sign_in(local, PASSWORD).await
    }

    /// A program of `local@example.com`.
    pub(super) async fn sign_in(&self, local: &str, password: &str) -> Program<'_> {
        let users = self.app.users();
        let pair = users
            .issue_tokens(&an_address(local), &password.into())
            .await;
        self.with_token(pair.unwrap().access_token.expose_secret())
    }

    /// The token of the link in the last letter, once the letters are sent.
    pub(super) async fn mailed_token(&self, page: &str) -> String {
        self.run_jobs().await;
        users::testing::mailed_token(&self.platform, page).reveal()
    }

    /// A token that nobody was mailed.
    pub(super) fn made_up_token(&self) -> String {
        Token::generate(&self.platform.entropy).reveal()
    }

    /// Presses `pay` on the provider's page, and hears of it from the provider.
    pub(super) async fn pay(&self, page: &str, user_id: UserId, number: OrderNumber) {
        self.press(page, "silent").await;
        let order = self.order(user_id, number).await;
        let billing = self.app.billing();
        let payment = billing.payment_of_order(user_id, order.id).await.unwrap();
        billing.check_payment(payment.unwrap().id).await.unwrap();
        self.run_jobs().await;
    }

    pub(super) async fn order(&self, user_id: UserId, number: OrderNumber) -> Order {
        self.app.orders().get(user_id, number).await.unwrap().order
    }

    /// Sends a file to where the API said.
    pub(super) async fn put_pixel(&self, upload: &Value) -> StatusCode {
        let url: Url = upload["url"].as_str().unwrap().parse().unwrap();
        let mut request = Request::put(format!("{}?{}", url.path(), url.query().unwrap()));
        for (name, value) in upload["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        let pixel = STANDARD.decode(PIXEL).unwrap();
        let request = request.body(Body::from(pixel)).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }
}

impl Program<'_> {
    /// Who the program acts for.
    pub(super) async fn user_id(&self) -> UserId {
        let (_, me) = self.get("/me").await;
        me["id"].as_str().unwrap().parse().unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, body).await
    }

    /// Calls an operation; `null` is no body.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        self.send(method, path, body).await
    }

    /// As [`Program::call`], with a body that need not be JSON.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> (StatusCode, Value) {
        let path = format!("/api/v1{path}");
        let mut request = Request::builder()
            .method(method.clone())
            .uri(&path)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.shop.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 10_000_000).await.unwrap();
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let answer = Answer {
            status: parts.status.as_u16(),
            content_type: content_type.map_or("", |kind| kind.to_str().unwrap()),
            body: &body,
        };
        Contract::of_the_api().require(method.as_str(), &path, answer);
        (
            parts.status,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    /// Puts so many mugs into the cart; gives the cart.
    pub(super) async fn fill_cart(&self, quantity: u32) -> Value {
        let mug = self.shop.app.orders().get_product("everyday-mug").await;
        let line = json!({ "product_id": mug.unwrap().id, "quantity": quantity });
        let (status, cart) = self.post("/cart/lines", &line).await;
        assert_eq!(status, StatusCode::OK, "{cart}");
        cart
    }

    /// Orders two mugs; gives the order's number.
    pub(super) async fn order_two_mugs(&self) -> OrderNumber {
        let cart = self.fill_cart(2).await;
        let (status, order) = self.post("/orders", &an_order_of(&cart)).await;
        assert_eq!(status, StatusCode::CREATED, "{order}");
        self.shop.run_jobs().await;
        order["number"].to_string().parse().unwrap()
    }

    /// Orders two mugs and pays for them; gives the order's number.
    pub(super) async fn buy_two_mugs(&self) -> OrderNumber {
        let number = self.order_two_mugs().await;
        let path = format!("/orders/{number}/payment");
        let (status, checkout) = self.post(&path, &Value::Null).await;
        assert_eq!(status, StatusCode::CREATED, "{checkout}");
        let page = checkout["url"].as_str().unwrap();
        self.shop.pay(page, self.user_id().await, number).await;
        number
    }
}

/// What orders the things in `cart`.
pub(super) fn an_order_of(cart: &Value) -> Value {
    json!({
        "email": "ann@example.com",
        "delivery": {
            "name": "Ann Lee",
            "street": "1 Main Street",
            "postal_code": "20457",
            "city": "Hamburg",
            "country": "DE",
        },
        "expected_total": cart["total"],
    })
}
