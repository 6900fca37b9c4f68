use http::{Method, StatusCode};
use kernel::Role;
use platform::flags::Flag;
use users::testing::PASSWORD;

use crate::http::pages::testing::Site;

mod bad_input;
mod forms;

const OTHER_PASSWORD: &str = "teapot-glacier-marble-19";

#[tokio::test]
async fn a_stranger_signs_up_confirms_their_address_and_signs_in() {
    let site = Site::open().await;
    let mut browser = site.browser();
    let form = [
        ("name", "Ann Lee"),
        ("email", "ann@example.com"),
        ("password", PASSWORD),
    ];
    let answer = browser.post("/sign-up", &form).await;
    assert_eq!(answer.location, "/sign-in", "{}", answer.text);
    site.work().await;
    let token = site.link_token();

    let asked = browser.get(&format!("/verify-email?token={token}")).await;
    assert!(asked.text.contains("Confirm address"), "{}", asked.text);
    let answer = browser.sign_in("ann", PASSWORD, "/account").await;
    assert_eq!(answer.location, "/account", "{}", answer.text);
    let page = browser.get("/account").await.text;
    assert!(
        page.contains("Please confirm your e-mail address."),
        "{page}"
    );

    browser.post("/verify-email", &[("token", &token)]).await;
    let page = browser.get("/account").await.text;
    assert!(
        page.contains("Ann Lee") && page.contains("ann@example.com"),
        "{page}"
    );
    assert!(
        !page.contains("Please confirm your e-mail address."),
        "{page}"
    );
    let again = browser.post("/verify-email", &[("token", &token)]).await;
    assert_eq!(again.status, StatusCode::GONE);
}

#[tokio::test]
async fn who_signs_up_while_that_is_closed_is_told_so_and_nobody_else_notices() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    site.platform.set_flag(Flag::SignUpOpen, false).await;
    let mut browser = site.browser();
    let form = [
        ("name", "Bob"),
        ("email", "bob@example.com"),
        ("password", PASSWORD),
    ];
    let refused = browser.post("/sign-up", &form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let says = "We do not take new accounts at the moment.";
    assert!(refused.text.contains(says), "{}", refused.text);
    let bob = browser.sign_in("bob", PASSWORD, "/").await;
    assert_eq!(bob.status, StatusCode::UNPROCESSABLE_ENTITY);
    let ann = browser.sign_in("ann", PASSWORD, "/account").await;
    assert_eq!(ann.location, "/account", "{}", ann.text);

    site.platform.set_flag(Flag::SignUpOpen, true).await;
    let taken = site.browser().post("/sign-up", &form).await;
    assert_eq!(taken.location, "/sign-in", "{}", taken.text);
    site.work().await;
}

#[tokio::test]
async fn a_form_that_is_filled_in_badly_is_shown_again_without_the_password() {
    let site = Site::open().await;
    let mut browser = site.browser();
    for (name, email, password, message) in [
        (
            "",
            "ann@example.com",
            PASSWORD,
            "Enter your name in one line",
        ),
        ("Ann", "ann@", PASSWORD, "Enter an address such as"),
        (
            "Ann",
            "ann@example.com",
            "short-secret",
            "Use at least 15 characters.",
        ),
    ] {
        let form = [("name", name), ("email", email), ("password", password)];
        let page = browser.post("/sign-up", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{message}");
        assert!(page.text.contains(message), "{message}: {}", page.text);
        assert!(
            page.text.contains(&format!("value=\"{email}\"")),
            "{message}"
        );
        assert!(!page.text.contains(password), "{message}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.browser();
    for (local, password) in [
        ("ann", OTHER_PASSWORD),
        ("bob", PASSWORD),
        ("no one", PASSWORD),
    ] {
        let page = browser.sign_in(local, password, "/cart").await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{local}");
        let message = "The e-mail address or the password is wrong.";
        assert!(page.text.contains(message), "{}", page.text);
        assert!(
            page.text.contains("name=\"next\" value=\"/cart\""),
            "{}",
            page.text
        );
    }
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn signing_in_leads_back_and_never_to_another_site() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    for (next, location) in [
        ("/orders?after=x", "/orders?after=x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("", "/"),
        ("/caf\u{e9} x", "/caf%C3%A9%20x"),
        (&format!("/{}", "a".repeat(20_000)), "/"),
    ] {
        let mut browser = site.browser();
        assert_eq!(
            browser.sign_in("ann", PASSWORD, next).await.location,
            location
        );
        let query = serde_urlencoded::to_string([("next", next)]).unwrap();
        let answer = browser.get(&format!("/sign-in?{query}")).await;
        assert_eq!(answer.location, location);
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_itself() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    let stolen = browser.cookies.clone();
    assert_eq!(browser.post("/sign-out", &[]).await.location, "/");
    assert!(!browser.is_signed_in().await);
    browser.cookies = stolen;
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_new_password_signs_the_other_browsers_out_and_not_this_one() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let (mut this, mut other) = (site.anns_browser().await, site.anns_browser().await);
    let form = [
        ("current_password", OTHER_PASSWORD),
        ("new_password", OTHER_PASSWORD),
    ];
    let page = this.post("/account/password", &form).await;
    assert!(
        page.text.contains("This is not your password."),
        "{}",
        page.text
    );

    let before = this.cookies.clone();
    let form = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
    ];
    let answer = this.post("/account/password", &form).await;
    assert_eq!(answer.location, "/account", "{}", answer.text);
    assert!(this.is_signed_in().await);
    assert!(!other.is_signed_in().await);
    other.cookies = before;
    assert!(!other.is_signed_in().await, "the session has a new token");
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_through_the_mailbox() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    let form = [("email", "ann@example.com")];
    browser.post("/forgot-password", &form).await;
    site.work().await;
    let token = site.link_token();
    let form = [("token", token.as_str()), ("password", OTHER_PASSWORD)];
    let answer = browser.post("/reset-password", &form).await;
    assert_eq!(answer.location, "/sign-in", "{}", answer.text);
    assert!(!browser.is_signed_in().await);
    let answer = browser.sign_in("ann", OTHER_PASSWORD, "/account").await;
    assert_eq!(answer.location, "/account");
}

#[tokio::test]
async fn people_see_where_they_are_signed_in_and_end_what_they_do_not_know() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    site.app.users().a_person("eve", Role::Customer).await;
    let (mut this, mut other) = (site.anns_browser().await, site.anns_browser().await);
    let page = this.get("/account/sessions").await.text;
    assert_eq!(
        page.matches("Firefox on Linux</strong>").count(),
        2,
        "{page}"
    );
    assert_eq!(page.matches("This browser").count(), 1, "{page}");

    let (_, end) = page.split_once("action=\"/account/sessions/").unwrap();
    let end = format!("/account/sessions/{}", end.split('"').next().unwrap());
    let mut eve = site.browser();
    eve.sign_in("eve", PASSWORD, "").await;
    assert_eq!(eve.post(&end, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(other.is_signed_in().await);
    this.post(&end, &[]).await;
    assert!(!other.is_signed_in().await);

    let mut other = site.anns_browser().await;
    let before = this.cookies.clone();
    let answer = this.post("/account/sessions/end-others", &[]).await;
    assert_eq!(answer.location, "/account/sessions");
    assert!(this.is_signed_in().await && !other.is_signed_in().await);
    other.cookies = before;
    assert!(!other.is_signed_in().await, "the session has a new token");
    let page = this.get("/account/sessions").await.text;
    assert_eq!(page.matches("Firefox on Linux").count(), 1, "{page}");
}

#[tokio::test]
async fn a_picture_arrives_without_javascript_and_what_is_none_is_refused() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    for (content, status) in [
        (&b"\x89PNG\r\n\x1a\n rest"[..], StatusCode::SEE_OTHER),
        (b"<svg/>", StatusCode::UNPROCESSABLE_ENTITY),
        (b"", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let answer = browser.post_picture("/account/avatar", content).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let page = browser.get("/account").await.text;
    assert!(page.contains("Your picture is being prepared."), "{page}");
}

#[tokio::test]
async fn a_script_learns_where_to_put_a_picture_and_why_it_is_refused() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    for (kind, status, shown) in [
        ("image/png", StatusCode::OK, "\"url\""),
        (
            "text/html",
            StatusCode::UNPROCESSABLE_ENTITY,
            "JPEG, PNG or WebP",
        ),
    ] {
        let body = serde_json::json!({ "content_type": kind }).to_string();
        let path = "/account/avatar/uploads";
        let answer = browser
            .send(Method::POST, path, "application/json", body.into())
            .await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(shown), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_account_moves_to_the_mailbox_that_confirms_it() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    let form = [("email", "lee@example.com"), ("password", PASSWORD)];
    let answer = browser.post("/account/email", &form).await;
    assert_eq!(answer.location, "/account", "{}", answer.text);
    site.work().await;
    let token = site.link_token();
    let answer = browser.post("/confirm-email", &[("token", &token)]).await;
    assert_eq!(answer.location, "/account", "{}", answer.text);
    let mut other = site.browser();
    assert_eq!(
        other.sign_in("lee", PASSWORD, "/account").await.location,
        "/account"
    );
}

#[tokio::test]
async fn the_cart_of_a_stranger_becomes_theirs_when_they_sign_in() {
    let site = Site::open().await;
    let orders = site.app.orders();
    orders.seed_catalogue(kernel::Currency::Eur).await.unwrap();
    site.app.users().a_customer("ann").await;
    let mut browser = site.browser();
    let mug = [("slug", "everyday-mug"), ("quantity", "2")];
    browser.post("/cart/lines", &mug).await;
    browser.sign_in("ann", PASSWORD, "/cart").await;
    let names: Vec<_> = browser.cookies.iter().map(|(name, _)| name).collect();
    assert!(!names.iter().any(|name| name.contains("cart")), "{names:?}");
    let cart = browser.get("/cart").await.text;
    assert!(cart.contains("Everyday Mug"), "{cart}");
    let form = browser.get("/checkout").await.text;
    assert!(form.contains("value=\"ann@example.com\""), "{form}");
}
