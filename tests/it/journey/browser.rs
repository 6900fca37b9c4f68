//! The pages, as people use them: in Chromium, through Debian's `chromedriver`.

mod axe;
mod keyboard;
mod no_scripts;
mod pages;
mod window;

use tests::Shop;
use tests::customer::{MUG, NAME, PASSWORD};

use self::window::{Chromedriver, Window};
use super::{NEW_PASSWORD, TOTAL};

const EMAIL: &str = "ann@example.com";

#[tokio::test]
async fn a_person_goes_from_sign_up_to_the_invoice_and_a_new_password() {
    let shop = Shop::start("browser").await;
    let chromedriver = Chromedriver::start().await;
    let window = chromedriver.open(&shop, "browser").await;
    let elsewhere = chromedriver.open(&shop, "elsewhere").await;

    sign_up(&shop, &window).await;
    sign_in(&elsewhere).await;
    sign_in(&window).await;
    window.picture("04-signed-in").await;

    put_mugs_into_cart(&window).await;
    check_out(&window).await;
    pay(&window).await;
    read_invoice(&shop).await;

    upload_avatar(&window).await;
    // Where that fails, the form is sent as without JavaScript, and the picture is shown all the same.
    let straight = straight_uploads(&shop).await;
    assert!(straight > 0.0, "the picture did not go straight to storage");
    change_password(&window).await;
    elsewhere.go("/account").await;
    elsewhere.find("form[action^='/sign-in']").await;
    elsewhere.picture("15-signed-out-elsewhere").await;
    window.go("/account").await;
    window.find("form[action='/sign-out']").await;

    window.close().await;
    elsewhere.close().await;
}

async fn sign_up(shop: &Shop, window: &Window) {
    window.go("/sign-up").await;
    window.fill("/sign-up", "name", NAME).await;
    window.fill("/sign-up", "email", EMAIL).await;
    window.fill("/sign-up", "password", PASSWORD).await;
    window.picture("01-sign-up").await;
    window.submit("/sign-up").await;

    open_mailed_link(shop, window).await;
    window.picture("02-verify").await;
    window.submit("/verify-email").await;
    // The account's page asks to sign in first, and the message is not lost on the way.
    window.find("form[action^='/sign-in']").await;
    window.find(".notice--success").await;
    window.picture("03-verified").await;
}

/// Follows the link of the letter that waits in the inbox.
async fn open_mailed_link(shop: &Shop, window: &Window) {
    window.go_to(shop.inbox(EMAIL).as_str()).await;
    window.reload_until(".mails a").await;
    window.click(".mails a").await;
    let link = "pre.letter a[href*='/verify-email?token=']";
    window.find(link).await;
    window.picture("02-letter").await;
    window.click(link).await;
    window.find("form[action^='/verify-email']").await;
}

async fn sign_in(window: &Window) {
    sign_in_as(window, EMAIL, PASSWORD).await;
}

async fn sign_in_as(window: &Window, email: &str, password: &str) {
    window.go("/sign-in").await;
    window.fill("/sign-in", "email", email).await;
    window.fill("/sign-in", "password", password).await;
    window.submit("/sign-in").await;
    window.find(".masthead__person").await;
}

async fn put_mugs_into_cart(window: &Window) {
    window.go("/").await;
    window.fill("/products", "q", "mug").await;
    window.submit("/products").await;
    let mug = format!("a[href='/products/{MUG}']");
    window.find(&mug).await;
    window.picture("05-search").await;
    window.click(&mug).await;
    window.fill("/cart/lines", "quantity", "2").await;
    window.picture("06-product").await;
    window.submit("/cart/lines").await;
    window.find(".cart-link__count").await;
    window.go("/cart").await;
    window.find("a[href='/checkout']").await;
    window.picture("07-cart").await;
}

async fn check_out(window: &Window) {
    window.click("a[href='/checkout']").await;
    window.fill("/checkout", "name", NAME).await;
    window.fill("/checkout", "street", "3 Hill Road").await;
    window.fill("/checkout", "postal_code", "10115").await;
    window.fill("/checkout", "city", "Berlin").await;
    window
        .click("select[name='country'] option[value='DE']")
        .await;
    window.fill("/checkout", "email", EMAIL).await;
    window.picture("08-checkout").await;
    window.submit("/checkout").await;
    window.find("form[action$='/pay']").await;
    window.picture("09-order").await;
}

async fn pay(window: &Window) {
    window.click("form[action$='/pay'] button").await;
    window.find("button[value='pay']").await;
    window.picture("10-payment").await;
    window.click("button[value='pay']").await;
    // The order hears of its payment by a job.
    window.find(".masthead").await;
    window.reload_until(".badge--paid").await;
    window.picture("11-paid").await;
}

async fn read_invoice(shop: &Shop) {
    let text = shop.mailed_invoice(EMAIL).await;
    assert!(text.contains(TOTAL), "{text}");
}

async fn upload_avatar(window: &Window) {
    window.go("/account/avatar").await;
    // A PNG that is at hand.
    let file = window.picture("12-avatar").await;
    window.choose_file("/account/avatar", &file).await;
    window.submit("/account/avatar").await;
    window.find("form[action='/sign-out']").await;
    window.reload_until("img.avatar").await;
    window.find_loaded("img.avatar").await;
    window.picture("13-avatar-shown").await;
}

/// How many files browsers have put into storage themselves, as scripts have them do.
async fn straight_uploads(shop: &Shop) -> f64 {
    let straight = [
        ("method", "PUT"),
        ("route", "/files/{*key}"),
        ("status", "201"),
    ];
    shop.metric("http_requests_total", &straight).await
}

async fn change_password(window: &Window) {
    let form = "/account/password";
    window.go(form).await;
    window.fill(form, "current_password", PASSWORD).await;
    window.fill(form, "new_password", NEW_PASSWORD).await;
    window.submit(form).await;
    window.find(".notice--success").await;
    window.picture("14-new-password").await;
}
