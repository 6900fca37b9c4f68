//! Every page, in whatever state people can get it into, is one that everybody can use.

use std::collections::BTreeSet;

use server::app::App;
use server::testing::addresses_of_pages;
use tests::Shop;
use tests::browser::Browser;
use tests::customer::{Customer, MUG};

use super::axe::Examiner;
use super::window::{Chromedriver, Window};
use super::{EMAIL, check_out, put_mugs_into_cart, sign_in, sign_in_as, upload_avatar};

/// Somebody of the demo shop, with orders wherever an order can stand.
const REGULAR: (&str, &str) = ("ada@example.test", "correct-horse-battery");

/// What a browser may ask for without being shown a page: it gets a file, or is sent on.
const NO_PAGES: [&str; 6] = [
    "/healthz",
    "/invoices/{id}/document",
    "/orders/{number}/attachments/{id}",
    "/orders/{number}/invoice",
    "/orders/{number}/payment/cancelled",
    "/orders/{number}/payment/returned",
];

/// Wrong in each of the ways that are looked for; its colours in the dark alone.
const FAULTY_PAGE: &str = "data:text/html,<html lang=en><title>x</title><meta name=viewport content='width=device-width'>\
    <style>@media (prefers-color-scheme: dark) { body { background: white; color: %23ddd } }</style>\
    <main><h1>Greetings</h1><img src=x><p style='width: 500px'>Wide words</p>\
    <form action='http://a.test/'><button>Go</button></form><form action='http://b.test/'><button>Go</button></form></main>";

#[tokio::test]
async fn everybody_can_use_every_page_in_light_and_dark_on_phone_and_desk() {
    let shop = Shop::start("pages").await;
    let addresses = addresses_of_pages(&App::connect(&shop.settings()).unwrap());
    let chromedriver = Chromedriver::start().await;
    let window = chromedriver.open(&shop, "pages").await;
    let mut tour = Tour {
        shop: &shop,
        window: &window,
        examiner: Examiner::new(),
        seen: BTreeSet::new(),
    };

    tour.as_a_stranger().await;
    let newcomer = Customer::sign_up(&shop, EMAIL).await;
    tour.with_a_mailed_link("/verify-email").await;
    tour.with_a_forgotten_password().await;
    sign_in(&window).await;
    tour.up_to_an_order(&newcomer).await;
    tour.through_the_account().await;
    // Whatever has an address of its own, also what was added today.
    for address in addresses.iter().filter(|address| !address.contains('{')) {
        tour.go(address).await;
    }
    tour.through_all_orders().await;
    tour.around_the_sandbox().await;

    let Tour {
        mut examiner, seen, ..
    } = tour;
    let is_seen = |address: &&String| seen.iter().any(|path| is_of(address, path));
    let pages = addresses
        .iter()
        .filter(|address| !NO_PAGES.contains(&address.as_str()));
    let unseen: Vec<_> = pages.filter(|address| !is_seen(address)).collect();
    assert!(unseen.is_empty(), "nobody has looked at {unseen:?}");
    let faults = examiner.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    window.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_page_is_found() {
    let shop = Shop::start_without_worker("faulty-page").await;
    let chromedriver = Chromedriver::start().await;
    let window = chromedriver.open(&shop, "faulty-page").await;
    let mut examiner = Examiner::new();
    window.go_to(FAULTY_PAGE).await;
    examiner.look(&window, "it").await;
    let faults = examiner.faults();
    for (fault, times) in [
        ("image-alt", 4),
        ("dark, 360 wide: color-contrast", 1),
        ("dark, 1280 wide: color-contrast", 1),
        ("color-contrast", 2),
        ("360 wide: it is 5", 2),
        ("wide: it is", 2),
        ("two buttons are called “Go”", 4),
    ] {
        let found = faults.iter().filter(|found| found.contains(fault)).count();
        assert_eq!(found, times, "{fault} in {faults:#?}");
    }
    window.close().await;
}

/// Somebody who goes everywhere and presses everything.
struct Tour<'a> {
    shop: &'a Shop,
    window: &'a Window,
    examiner: Examiner,
    /// The paths of the pages that were looked at.
    seen: BTreeSet<String>,
}

impl Tour<'_> {
    async fn go(&mut self, path: &str) {
        self.window.go(path).await;
        self.look(path).await;
    }

    async fn look(&mut self, what: &str) {
        // Where an error is said, the page itself has not been seen.
        let shown: bool = self
            .window
            .run("return !document.querySelector('.lost')", &[])
            .await;
        if shown {
            self.seen.insert(self.window.path().await);
        }
        self.examiner.look(self.window, what).await;
    }

    /// Sends a form as it stands, whatever the browser thinks of it, and looks at the answer.
    async fn send(&mut self, action: &str) {
        self.window.submit_unchecked(action).await;
        self.window.find(".notice").await;
        self.look(&format!("the answer to {action}")).await;
    }

    async fn as_a_stranger(&mut self) {
        let mug = format!("/products/{MUG}");
        for path in [
            "/",
            "/products",
            "/products?q=mug",
            "/products?q=zyxw",
            "/cart",
            &mug,
        ] {
            self.go(path).await;
        }
        self.window.fill("/cart/lines", "quantity", "0").await;
        self.send("/cart/lines").await;
        for form in ["/sign-up", "/sign-in", "/forgot-password"] {
            self.go(form).await;
            self.send(form).await;
        }
        // They are asked to sign in; there is no such page; and the link is not one of ours.
        for path in ["/account", "/nowhere", "/verify-email?token=x"] {
            self.go(path).await;
        }
    }

    /// Opens the page to which a letter leads.
    async fn with_a_mailed_link(&mut self, path: &str) {
        let link = self.shop.mail(EMAIL, |mail| mail.link(path)).await;
        self.window.go_to(link.as_str()).await;
        self.look(path).await;
    }

    async fn with_a_forgotten_password(&mut self) {
        let form = "/forgot-password";
        self.window.go(form).await;
        self.window.fill(form, "email", EMAIL).await;
        self.send(form).await;
        self.with_a_mailed_link("/reset-password").await;
        self.send("/reset-password").await;
    }

    /// From the cart to an order that is paid, with every wrong turn.
    async fn up_to_an_order(&mut self, newcomer: &Customer) {
        put_mugs_into_cart(self.window).await;
        self.look("a cart").await;
        self.window.fill("/cart/lines/", "quantity", "500").await;
        self.send("/cart/lines/").await;
        self.window.go("/checkout").await;
        self.window.fill("/checkout", "name", " ").await;
        self.send("/checkout").await;
        self.window.go("/cart").await;
        check_out(self.window).await;
        self.look("an order").await;
        self.send_nothing_to_attach().await;

        self.window.click("form[action$='/pay'] button").await;
        self.window.find("button[value='pay']").await;
        self.look("the provider's page").await;
        self.window.click("button[value='decline']").await;
        self.window.find(".alert").await;
        self.look("a card that was declined").await;
        self.window.click("button[value='pay']").await;
        self.window.find(".masthead").await;
        self.look("an order that is being paid").await;
        self.window.reload_until(".badge--paid").await;
        newcomer.fill_cart(self.shop).await;
    }

    async fn send_nothing_to_attach(&mut self) {
        let order = self.window.path().await;
        self.send(&format!("{order}/attachments")).await;
        self.window.go(&order).await;
    }

    /// A program of theirs that is to be told what happens to their orders, and is sent a test.
    async fn with_an_endpoint(&mut self) {
        let form = "/account/webhooks";
        self.window.go(form).await;
        self.send(form).await;
        let address = self.shop.hooks();
        self.window.fill(form, "url", &address).await;
        self.window.submit_unchecked(form).await;
        self.window.find("form[action$='/test']").await;
        self.look("an endpoint").await;
        self.window.click("form[action$='/test'] button").await;
        self.window.reload_until("td .badge--completed").await;
        self.look("an endpoint that was sent a test").await;
    }

    async fn through_the_account(&mut self) {
        // Two programs of which nothing is known but that they are signed in.
        for _ in 0..2 {
            Browser::sign_in(self.shop, EMAIL).await;
        }
        for form in ["profile", "avatar", "password", "email"] {
            let form = format!("/account/{form}");
            self.window.go(&form).await;
            if form == "/account/profile" {
                self.window.fill(&form, "name", " ").await;
            }
            self.send(&form).await;
        }
        self.with_an_endpoint().await;
        self.window.go("/account/email").await;
        self.window
            .fill("/account/email", "email", "anna@example.com")
            .await;
        self.window
            .fill("/account/email", "password", tests::customer::PASSWORD)
            .await;
        self.send("/account/email").await;
        let to_new_address = self
            .shop
            .mail("anna@example.com", |mail| mail.link("/confirm-email"));
        self.window.go_to(to_new_address.await.as_str()).await;
        self.look("/confirm-email").await;
        upload_avatar(self.window).await;
        self.look("an account with a picture").await;
    }

    /// With the eyes of somebody who has been here before.
    async fn through_all_orders(&mut self) {
        self.window.go("/account").await;
        self.window.submit("/sign-out").await;
        self.window.find("a[href='/sign-in']").await;
        self.look("signed out").await;
        let (email, password) = REGULAR;
        sign_in_as(self.window, email, password).await;
        self.go("/orders").await;
        let links =
            "return Array.from(document.querySelectorAll('tbody a'), (link) => link.pathname)";
        let orders: Vec<String> = self.window.run(links, &[]).await;
        assert!(orders.len() >= 6, "{orders:?}");
        for order in orders {
            self.go(&order).await;
        }
        self.go("/invoices").await;
        self.window.go("/products/floor-vase").await;
        self.window.fill("/cart/lines", "quantity", "7").await;
        self.send("/cart/lines").await;
    }

    async fn around_the_sandbox(&mut self) {
        let inbox = self.shop.inbox(EMAIL);
        for path in ["/", "/inbox", "/pay/unknown"] {
            let page = inbox.join(path).unwrap();
            self.window.go_to(page.as_str()).await;
            self.examiner.look(self.window, page.as_str()).await;
        }
        self.window.go_to(inbox.as_str()).await;
        self.window.click(".mails a:has(.chip)").await;
        self.window.find("iframe").await;
        self.examiner.look(self.window, "a mail").await;
    }
}

/// Whether `path` can be `address` with something in place of its `{parameters}`.
fn is_of(address: &str, path: &str) -> bool {
    let (address, path) = (address.split('/'), path.split('/'));
    address.clone().count() == path.clone().count()
        && address
            .zip(path)
            .all(|(known, given)| known.starts_with('{') || known == given)
}
