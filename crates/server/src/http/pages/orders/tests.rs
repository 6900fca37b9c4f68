use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use kernel::{Actor, Currency, Money, Role, SessionId, UserId};
use orders::{CartOwner, OrderStatus, Quantity};
use platform::testing::TestPlatform;
use tower::ServiceExt as _;

use super::*;
use crate::http::context::Context;
use crate::http::session::{SignedIn, Visitor};
use crate::http::{files, layered, pages, pictures};

mod attachments;

mod clicks;

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

#[tokio::test]
async fn a_stranger_finds_a_product_by_shelf_and_by_search() {
    let mut browser = Browser::open().await;
    let home = browser.get("/").await;
    assert_eq!(home.status, StatusCode::OK);
    assert_eq!(home.text.matches("<li class=\"product-card\">").count(), 8);

    let first = browser.get("/products").await.text;
    assert_eq!(first.matches("<li class=\"product-card\">").count(), 24);
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().to_owned();
    let second = browser.get(&next).await.text;
    assert_eq!(second.matches("<li class=\"product-card\">").count(), 24);

    let kitchen = browser.get("/products?category=kitchen").await.text;
    assert!(kitchen.contains("<h1>Kitchen</h1>") && kitchen.contains("/products/iron-pan"));
    let found = browser.get("/products?q=enamel+mug").await.text;
    assert!(found.contains("/products/enamel-mug"), "{found}");
    let nothing = browser.get("/products?q=%3Cscript%3E+unicorn").await;
    assert!(nothing.text.contains("Nothing here matches"));
    assert!(!nothing.text.contains("<script>"));
}

#[tokio::test]
async fn what_is_not_in_the_shop_is_not_found() {
    let mut browser = Browser::open().await;
    for path in [
        "/products/unicorn",
        "/products/%00",
        "/products?category=stables",
        "/pictures/unicorn.svg",
        "/pictures/..%2f..%2fetc",
    ] {
        assert_eq!(
            browser.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for (path, status) in [
        (
            "/products?after=nonsense!",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("/products?after=e30", StatusCode::UNPROCESSABLE_ENTITY),
        ("/products?q=%00", StatusCode::OK),
    ] {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_picture_may_be_kept_for_ever_and_can_do_nothing() {
    let browser = Browser::open().await;
    let mug = browser
        .app
        .orders()
        .get_product("everyday-mug")
        .await
        .unwrap();
    let request = Request::get(format!("/pictures/{}", mug.picture));
    let request = request.body(Body::empty()).unwrap();
    let response = browser.router.clone().oneshot(request).await.unwrap();
    let headers = response.headers();
    assert_eq!(headers[header::CONTENT_TYPE], "image/svg+xml");
    assert!(
        headers[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(
        headers[header::CONTENT_SECURITY_POLICY],
        "default-src 'none'; sandbox"
    );
    assert!(!headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn a_cart_needs_no_account() {
    let mut browser = Browser::open().await;
    let added = browser.post("/cart/lines", &MUG).await;
    assert_eq!(
        (added.status, added.location.as_str()),
        (StatusCode::SEE_OTHER, "/cart")
    );
    browser.post("/cart/lines", &MUG).await;

    let cart = browser.get("/cart").await.text;
    assert!(
        cart.contains("Everyday Mug") && cart.contains("€64.00"),
        "{cart}"
    );
    assert!(
        cart.contains(r#"<span class="cart-link__count">4<"#),
        "{cart}"
    );

    let mug = browser
        .app
        .orders()
        .get_product("everyday-mug")
        .await
        .unwrap();
    let line = format!("/cart/lines/{}", mug.id);
    browser.post(&line, &[("quantity", "1")]).await;
    assert!(browser.get("/cart").await.text.contains("€16.00"));
    browser.post(&line, &[("quantity", "0")]).await;
    assert!(
        browser
            .get("/cart")
            .await
            .text
            .contains("There is nothing in your cart yet.")
    );
}

#[tokio::test]
async fn a_quantity_that_is_none_is_shown_again_with_a_message_beside_it() {
    let mut browser = Browser::open().await;
    for quantity in ["0", "100", "-1", "many", ""] {
        let form = [("slug", "everyday-mug"), ("quantity", quantity)];
        let page = browser.post("/cart/lines", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{quantity}");
        assert!(
            page.text.contains("Choose a quantity from 1 to 99."),
            "{quantity}"
        );
        assert!(
            page.text.contains(&format!("value=\"{quantity}\"")),
            "{quantity}"
        );
    }

    browser.post("/cart/lines", &MUG).await;
    let mug = browser
        .app
        .orders()
        .get_product("everyday-mug")
        .await
        .unwrap();
    let line = format!("/cart/lines/{}", mug.id);
    let page = browser.post(&line, &[("quantity", "500")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("value=\"500\"") && page.text.contains("aria-invalid"));
    assert!(browser.get("/cart").await.text.contains("€32.00"));
}

#[tokio::test]
async fn a_cart_that_asks_for_too_much_says_so_and_cannot_be_ordered() {
    let mut browser = Browser::open().await;
    browser
        .post("/cart/lines", &[("slug", "floor-vase"), ("quantity", "7")])
        .await;
    let cart = browser.get("/cart").await.text;
    assert!(cart.contains("Only 6 left"), "{cart}");
    assert!(!cart.contains("href=\"/checkout\""), "{cart}");
}

#[tokio::test]
async fn orders_are_for_people_who_are_signed_in() {
    let mut browser = Browser::open().await;
    for path in ["/checkout", "/orders", "/orders/100001"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location.starts_with("/sign-in?next="), "{path}");
    }
}

#[tokio::test]
async fn checking_out_places_an_order_that_its_owner_can_follow_and_cancel() {
    let mut browser = Browser::open().await;
    let ann = browser.sign_in();
    assert_eq!(browser.get("/checkout").await.location, "/cart");
    browser.post("/cart/lines", &MUG).await;
    let form = browser.get("/checkout").await.text;
    assert!(
        form.contains("value=\"Ann Lee\"") && form.contains("Place order for €32.00"),
        "{form}"
    );

    let placed = browser.check_out(&[]).await;
    assert_eq!(placed.location, "/orders/100001");
    let page = browser.get("/orders/100001").await.text;
    for shown in [
        "Order placed",
        "€32.00",
        "1 Main Street",
        "/orders/100001/pay",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(
        browser
            .get("/orders")
            .await
            .text
            .contains("2 × Everyday Mug")
    );

    browser.post("/orders/100001/cancel", &[]).await;
    let page = browser.get("/orders/100001").await.text;
    assert!(
        page.contains("Order cancelled") && !page.contains("/orders/100001/pay"),
        "{page}"
    );
    let number = "100001".parse().unwrap();
    let order = browser.app.orders().get(ann, number).await.unwrap().order;
    assert_eq!(order.status, OrderStatus::Cancelled);

    browser.sign_in();
    for answer in [
        browser.get("/orders/100001").await,
        browser.post("/orders/100001/cancel", &[]).await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_checkout_that_is_filled_in_badly_is_shown_again() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    browser.post("/cart/lines", &MUG).await;
    for (field, value, message) in [
        ("name", " ", "Enter this in one line"),
        ("city", "Ham\nburg", "Enter this in one line"),
        ("country", "XX", "Choose a country."),
        ("email", "ann@", "Enter an address such as"),
        ("currency", "ISK", "Please look at the total again."),
        (
            "total",
            "1",
            "Prices have changed, and the total is now €32.00",
        ),
        ("total", "abc", "Please look at the total again."),
        ("currency", "XXX", "Please look at the total again."),
        ("name", "\u{200b}", "Enter this in one line"),
    ] {
        let page = browser.check_out(&[(field, value)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(page.text.contains(message), "{field}: {}", page.text);
        assert!(page.text.contains("value=\"1 Main Street\""), "{field}");
    }
    assert!(
        browser
            .get("/orders")
            .await
            .text
            .contains("You have not ordered anything yet.")
    );
}

#[tokio::test]
async fn a_person_searches_their_orders() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    let empty = browser.get("/orders").await.text;
    assert!(!empty.contains("Search your orders"), "{empty}");
    browser.post("/cart/lines", &MUG).await;
    browser.check_out(&[]).await;

    for words in ["mugs", "100001"] {
        let page = browser.get(&format!("/orders?words={words}")).await.text;
        assert!(page.contains("2 × Everyday Mug"), "{page}");
        assert!(page.contains(&format!("name=\"words\" value=\"{words}\"")));
    }
    let page = browser.get("/orders?words=%3Cb%3E+lamp").await.text;
    assert!(
        page.contains("None of your orders matches “&#60;b&#62; lamp”"),
        "{page}"
    );
    let all = browser.get("/orders?words=+").await.text;
    assert!(all.contains("2 × Everyday Mug"), "{all}");
}

#[tokio::test]
async fn a_form_remembers_where_the_last_order_went() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    browser.post("/cart/lines", &MUG).await;
    browser.check_out(&[("city", "Altona")]).await;
    browser.post("/cart/lines", &MUG).await;
    let form = browser.get("/checkout").await.text;
    assert!(form.contains("value=\"Altona\""), "{form}");
    assert!(
        form.contains("<option value=\"DE\" selected>Germany"),
        "{form}"
    );
}

#[tokio::test]
async fn what_sold_out_since_the_page_was_shown_is_named() {
    let mut browser = Browser::open().await;
    let ann = browser.sign_in();
    let orders = browser.app.orders().clone();
    let vase = orders.get_product("floor-vase").await.unwrap();
    let seven = Quantity::try_from(7).unwrap();
    orders
        .add_to_cart(&CartOwner::User(ann), vase.id, seven)
        .await
        .unwrap();
    let page = browser.check_out(&[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.text
            .contains("There are not enough left of: Floor Vase."),
        "{}",
        page.text
    );
}
