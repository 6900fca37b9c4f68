use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use kernel::{Actor, Currency, Money, Role, SessionId, UserId};
use orders::CartOwner;
use platform::testing::TestPlatform;
use tower::ServiceExt as _;

use super::*;
use crate::http::context::Context;
use crate::http::session::{SignedIn, Visitor};
use crate::http::{files, layered, pages, pictures};

mod attachments;
mod cart;
mod checkout;
mod clicks;
mod products;

/// Says who is signed in, in place of a session.
const USER: HeaderName = HeaderName::from_static("x-test-user");

/// A browser in front of the demo shop.
struct Browser {
    app: App,
    router: Router,
    user: Option<UserId>,
    cart: Option<String>,
    _platform: TestPlatform,
}

struct Answer {
    status: StatusCode,
    location: String,
    text: String,
}

impl Browser {
    async fn open() -> Self {
        let platform = TestPlatform::start(&crate::migrations::all()).await;
        let app = App::for_tests(&platform);
        app.orders().seed_catalogue(Currency::Eur).await.unwrap();
        let pages = pages::routes(&app).layer(from_fn(sign_in));
        let pages = pages.merge(pictures::routes()).merge(files::routes());
        let router = layered(pages, app.clone());
        Self {
            app,
            router,
            user: None,
            cart: None,
            _platform: platform,
        }
    }

    /// Signs somebody new in.
    fn sign_in(&mut self) -> UserId {
        let platform = self.app.platform();
        *self
            .user
            .insert(UserId::generate(&platform.clock, &platform.entropy))
    }

    /// The product that most of these tests are about, as it is on the shelf.
    async fn mug(&self) -> orders::Product {
        let found = self.app.orders().get_product("everyday-mug").await;
        found.unwrap()
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(form).unwrap();
        let kind = "application/x-www-form-urlencoded";
        self.post_body(path, kind, body).await
    }

    async fn post_body(&mut self, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin")
            .body(body.into());
        self.send(request.unwrap()).await
    }

    async fn send(&mut self, mut request: Request) -> Answer {
        let headers = request.headers_mut();
        if let Some(user) = self.user {
            headers.insert(USER, user.to_string().parse().unwrap());
        }
        if let Some(cart) = &self.cart {
            headers.insert(header::COOKIE, cart.parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            if cookie.contains("cart=") {
                self.cart = Some(cookie.to_owned());
            }
        }
        let status = response.status();
        let location = response.headers().get(header::LOCATION);
        let location = location
            .map_or("", |path| path.to_str().unwrap())
            .to_owned();
        let body = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        Answer {
            status,
            location,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Fills in the checkout form for what is in the cart.
    async fn check_out(&mut self, changed: &[(&str, &str)]) -> Answer {
        let owner = CartOwner::User(self.user.unwrap());
        let cart = self.app.orders().show_cart(&owner).await.unwrap();
        let total = cart.total.map_or(0, Money::minor).to_string();
        let mut form = vec![
            ("name", "Ann Lee"),
            ("street", "1 Main Street"),
            ("postal_code", "20457"),
            ("city", "Hamburg"),
            ("country", "DE"),
            ("email", "ann@example.com"),
            ("total", &total),
            ("currency", "EUR"),
        ];
        for (name, value) in &mut form {
            if let Some((_, changed)) = changed.iter().find(|(field, _)| field == name) {
                *value = changed;
            }
        }
        self.post("/checkout", &form).await
    }
}

async fn sign_in(request: Request, next: Next) -> Response {
    let user = request.headers().get(USER).map(HeaderValue::to_str);
    if let (Some(user), Some(context)) = (user, request.extensions().get::<Context>()) {
        let user_id = user.unwrap().parse().unwrap();
        context.set_visitor(Visitor::SignedIn(SignedIn {
            actor: Actor {
                user_id,
                role: Role::Customer,
            },
            session_id: SessionId::from_uuid(user_id.as_uuid()),
            name: "Ann Lee".into(),
            email: "ann@example.com".parse().unwrap(),
            email_verified: true,
        }));
    }
    next.run(request).await
}

const MUG: [(&str, &str); 2] = [("slug", "everyday-mug"), ("quantity", "2")];
