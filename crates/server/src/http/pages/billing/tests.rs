use std::ops::Deref;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use kernel::{Actor, Role, SessionId, UserId};
use orders::{Order, OrderStatus};
use platform::outbound::Policy;
use tower::ServiceExt as _;

use super::*;
use crate::http::context::Context;
use crate::http::session::{Flash, SignedIn, Visitor};
use crate::http::{layered, pages};
use crate::testing::TestShop;

mod clicks;

/// Says who is signed in, in place of a session.
const USER: HeaderName = HeaderName::from_static("x-test-user");

/// The shop, and who comes to it.
struct Shop {
    shop: TestShop,
    router: Router,
}

impl Deref for Shop {
    type Target = TestShop;

    fn deref(&self) -> &TestShop {
        &self.shop
    }
}

struct Answer {
    status: StatusCode,
    location: String,
    flash: String,
    text: String,
}

impl Shop {
    async fn open() -> Self {
        let shop = TestShop::open().await;
        let pages = pages::routes(&shop.app).layer(from_fn(sign_in));
        Self {
            router: layered(pages, shop.app.clone()),
            shop,
        }
    }

    async fn a_placed_order(&self) -> Order {
        let orders = self.app.orders();
        orders.a_placed_order(orders.a_user()).await
    }

    async fn get(&self, user: UserId, path: &str) -> Answer {
        self.send(user, Request::get(path)).await
    }

    async fn post(&self, user: UserId, path: &str) -> Answer {
        let request = Request::post(path).header("sec-fetch-site", "same-origin");
        self.send(user, request).await
    }

    async fn send(&self, user: UserId, request: http::request::Builder) -> Answer {
        let request = request.header(USER, user.to_string());
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let location = parts.headers.get(header::LOCATION);
        // What the browser would bring along to the next page.
        let cookie = parts.headers.get(header::SET_COOKIE).into_iter();
        let cookies = cookie.map(|value| (header::COOKIE, value.clone()));
        let flash = Flash::of(&cookies.collect(), self.app.site().cookies);
        let body = to_bytes(body, 10_000_000).await.unwrap();
        Answer {
            status: parts.status,
            location: location.map_or("", |it| it.to_str().unwrap()).to_owned(),
            flash: flash.map(|it| it.text().to_owned()).unwrap_or_default(),
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Tells the provider how to behave.
    async fn behave(&self, behaviour: &'static str) {
        let policy = Policy::for_partner(&self.provider);
        let hand = self.platform.outbound.dependency("hand", policy).unwrap();
        let request = http::Request::post(self.provider.join("control/payments").unwrap().as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .body(behaviour.into())
            .unwrap();
        assert!(hand.send(request).await.unwrap().status.is_success());
    }

    /// An order whose money has arrived, while no job has run.
    async fn a_paid_order(&self) -> Order {
        let order = self.a_placed_order().await;
        let path = format!("/orders/{}", order.number);
        let page = self
            .post(order.user_id, &format!("{path}/pay"))
            .await
            .location;
        self.press(&page, "silent").await;
        self.get(order.user_id, &format!("{path}/payment/returned"))
            .await;
        order
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

#[tokio::test]
async fn an_order_is_paid_and_its_invoice_can_be_downloaded() {
    let shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    let (user, path) = (order.user_id, format!("/orders/{}", order.number));

    let to_provider = shop.post(user, &format!("{path}/pay")).await;
    assert_eq!(to_provider.status, StatusCode::SEE_OTHER);
    let page = to_provider.location;
    assert!(
        page.starts_with(&format!("{}pay/cs_", shop.provider)),
        "{page}"
    );
    shop.press(&page, "silent").await;

    let back = shop.get(user, &format!("{path}/payment/returned")).await;
    assert_eq!(
        (back.status, &back.location),
        (StatusCode::SEE_OTHER, &path)
    );
    assert!(
        back.flash.contains("your payment has arrived"),
        "{}",
        back.flash
    );

    let page = shop.get(user, &path).await.text;
    assert!(page.contains("Your payment has arrived."), "{page}");
    for form in ["pay", "cancel"] {
        assert!(!page.contains(&format!("{path}/{form}")), "{page}");
    }

    shop.run_jobs().await;
    let tracked = shop.app.orders().get(user, order.number).await.unwrap();
    assert_eq!(tracked.order.status, OrderStatus::Paid);
    let list = shop.get(user, "/invoices").await;
    assert!(
        list.text.contains("INV-") && list.text.contains("Download"),
        "{}",
        list.text
    );
    let document = shop.get(user, &format!("{path}/invoice")).await;
    assert_eq!(document.status, StatusCode::SEE_OTHER);
    assert!(
        document.location.contains("/files/invoices/"),
        "{}",
        document.location
    );
    let letters = shop.platform.sent_mail();
    assert!(
        letters
            .iter()
            .any(|letter| letter.subject.starts_with("Invoice INV-"))
    );

    let again = shop.post(user, &format!("{path}/pay")).await;
    assert_eq!(
        (again.location, again.flash),
        (path, "This order is paid already.".to_owned())
    );
}

#[tokio::test]
async fn a_provider_that_is_away_leaves_the_order_payable() {
    let mut shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    shop.shop.stop_provider().await;
    let path = format!("/orders/{}", order.number);
    let answer = shop.post(order.user_id, &format!("{path}/pay")).await;
    assert_eq!(
        (answer.status, &answer.location),
        (StatusCode::SEE_OTHER, &path)
    );
    assert!(
        answer.flash.contains("Nothing was charged"),
        "{}",
        answer.flash
    );
}

#[tokio::test]
async fn a_provider_that_fails_or_never_answers_leaves_the_order_payable_and_a_slow_one_is_waited_for()
 {
    let shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    let (user, path) = (order.user_id, format!("/orders/{}", order.number));
    for behaviour in [r#"{"mode":"failing"}"#, r#"{"mode":"hanging"}"#] {
        shop.behave(behaviour).await;
        let answer = shop.post(user, &format!("{path}/pay")).await;
        assert_eq!(answer.location, path, "{behaviour}");
        assert!(answer.flash.contains("Nothing was charged"), "{behaviour}");
        assert_eq!(shop.get(user, &path).await.status, StatusCode::OK);
    }
    shop.behave(r#"{"mode":"slow","delay_ms":300}"#).await;
    let answer = shop.post(user, &format!("{path}/pay")).await;
    assert!(answer.location.contains("/pay/cs_"), "{}", answer.flash);
}

#[tokio::test]
async fn a_request_neither_mails_nor_draws_nor_stores_what_can_come_later() {
    let shop = Shop::open().await;
    shop.a_paid_order().await;
    // All that was due to the person was answered; none of this has happened yet.
    assert!(shop.platform.sent_mail().is_empty());
    assert!(shop.platform.stored_files().await.is_empty());
    shop.run_jobs().await;
    assert_eq!(
        shop.platform.sent_mail().len(),
        2,
        "confirmation and invoice"
    );
    assert_eq!(shop.platform.stored_files().await.len(), 1);
}

#[tokio::test]
async fn who_turns_back_is_told_that_the_order_is_kept() {
    let shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    let path = format!("/orders/{}", order.number);
    shop.post(order.user_id, &format!("{path}/pay")).await;
    let answer = shop
        .get(order.user_id, &format!("{path}/payment/cancelled"))
        .await;
    assert_eq!(answer.location, path);
    assert!(
        answer.flash.contains("No payment has arrived yet"),
        "{}",
        answer.flash
    );
}

#[tokio::test]
async fn the_way_back_without_paying_tells_nobody_that_they_have_not_paid_who_have() {
    let shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    let path = format!("/orders/{}", order.number);
    let page = shop.post(order.user_id, &format!("{path}/pay")).await;
    // The provider has the money, and its message about it is yet to come.
    shop.press(&page.location, "silent").await;
    for number in [&order.number.to_string(), "99999999"] {
        let stranger = shop.app.orders().a_user();
        let path = format!("/orders/{number}/payment/cancelled");
        let answer = shop.get(stranger, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{number}");
    }
    let answer = shop
        .get(order.user_id, &format!("{path}/payment/cancelled"))
        .await;
    assert!(
        answer.flash.contains("your payment has arrived"),
        "{}",
        answer.flash
    );

    let given_up = shop.a_placed_order().await;
    let orders = shop.app.orders();
    let cancelled = orders.cancel(given_up.user_id, given_up.number).await;
    let path = format!("/orders/{}/payment/cancelled", cancelled.unwrap().number);
    let answer = shop.get(given_up.user_id, &path).await;
    assert!(
        answer.flash.contains("This order was cancelled"),
        "{}",
        answer.flash
    );
}

#[tokio::test]
async fn a_cancelled_order_cannot_be_paid() {
    let shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    shop.app
        .orders()
        .cancel(order.user_id, order.number)
        .await
        .unwrap();
    let answer = shop
        .post(order.user_id, &format!("/orders/{}/pay", order.number))
        .await;
    assert_eq!(answer.flash, "This order was cancelled.");
}

#[tokio::test]
async fn an_invoice_that_is_still_to_come_is_not_missing() {
    let shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    let path = format!("/orders/{}/invoice", order.number);
    assert_eq!(
        shop.get(order.user_id, &path).await.status,
        StatusCode::NOT_FOUND
    );

    shop.app.orders().pay_for(&order).await;
    let answer = shop.get(order.user_id, &path).await;
    assert!(
        answer.flash.contains("still being made"),
        "{}",
        answer.flash
    );
}

#[tokio::test]
async fn anothers_order_and_invoice_do_not_exist() {
    let shop = Shop::open().await;
    let order = shop.a_paid_order().await;
    shop.run_jobs().await;
    let papers = shop
        .app
        .billing()
        .invoices_of_order(order.user_id, order.id)
        .await;
    let invoice_id = papers.unwrap()[0].id;
    let path = format!("/orders/{}", order.number);
    let stranger = shop.app.orders().a_user();
    for (user, expected) in [
        (stranger, StatusCode::NOT_FOUND),
        (order.user_id, StatusCode::SEE_OTHER),
    ] {
        for path in [
            format!("{path}/payment/returned"),
            format!("{path}/invoice"),
            format!("/invoices/{invoice_id}/document"),
        ] {
            assert_eq!(shop.get(user, &path).await.status, expected, "{path}");
        }
        let pay = shop.post(user, &format!("{path}/pay")).await;
        assert_eq!(pay.status, expected);
    }
    let list = shop.get(stranger, "/invoices").await;
    assert!(
        list.text.contains("There are no invoices yet"),
        "{}",
        list.text
    );
    let unknown = shop.get(stranger, "/invoices/42/document").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
