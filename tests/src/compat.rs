//! Two releases side by side on one schema, as they are while one takes the other's place (requirement B8).
//!
//! The release before opens a shop on its own schema. Customers come, and leave sessions, carts, orders and work. Then this
//! release migrates, and both serve: each must know what the other has written, and the one before must find on the new
//! schema all that it needs. `cargo xtask compat` says which release that is.

mod pages;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use futures::FutureExt as _;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use url::Url;

use self::pages::Pages;
use crate::browser::Browser;
use crate::customer::{Customer, number};
use crate::drills::Books;
use crate::gates::{Finding, Rule};
use crate::{Release, Setup, Shop, eventually, parse};

static COMPATIBLE: Rule = Rule {
    name: "compatible",
    why: "The release before still runs while this schema is there: beside this one during a deployment, and instead of it \
          once somebody takes this one back. What fails here fails for whoever is in the shop then.",
    fix: "Expand in this release and contract in a later one: migrations/README.md says in which steps. What changes its form \
          in a payload, an event or a session is read in both forms first, and written in the new one a release later.",
    waive: "This one cannot be waived.",
};

/// Faults that a test plants, to see them refused.
#[derive(Clone, Debug, Default)]
pub struct Planted {
    /// What the migrations do besides.
    pub migration: &'static str,
    /// Settings that make this release write and read otherwise.
    pub environment: Vec<(&'static str, String)>,
}

/// What goes wrong between the release whose server is the binary `before`, and this one. It ends at the first fault: what
/// comes after it is mostly its echo. Logs are called `name`.
///
/// # Panics
/// If the release before cannot serve on its own schema.
pub async fn check(name: &str, before: &Path, planted: Planted) -> Vec<Finding> {
    let before = Release {
        name: "-before",
        server: before.to_owned(),
        environment: Vec::new(),
    };
    let this = Release {
        environment: planted.environment,
        ..Release::this()
    };
    let mut deployment = Deployment::begin(name, before, this).await;
    let gone = AssertUnwindSafe(deployment.go(planted.migration)).catch_unwind();
    match gone.await {
        Ok(()) => Vec::new(),
        Err(panic) => vec![deployment.told(&*panic)],
    }
}

/// A shop of two releases.
struct Deployment {
    shop: Shop,
    before: Release,
    this: Release,
    /// Whose server is asked.
    is_before_asked: bool,
    books: Books,
    scene: &'static str,
    /// A customer of the release before, whose cart is full.
    ann: Customer,
    /// Where she is signed in.
    browser: Browser,
    /// What she has ordered, and nobody has done anything about.
    order: String,
    /// What the release before answers on its own schema.
    pages: Pages,
}

impl Deployment {
    /// The release before, alone and on its own schema.
    async fn begin(name: &str, before: Release, this: Release) -> Self {
        // Short, because workers are killed here, and nobody is to wait for what they held.
        let setup = Setup::new(name).with("JOB_LEASE_SECONDS", "5");
        let shop = Shop::open(setup.without_worker().of_release(before.clone())).await;
        let books = Books::open(&shop).await;
        let ann = Customer::sign_up(&shop, "ann@example.com").await;
        let browser = Browser::sign_in(&shop, &ann.email).await;
        shop.start_worker();
        buy(&shop, &ann).await;
        shop.kill_worker(0).await;
        let order = ann.order_two_mugs(&shop).await;
        ann.fill_cart(&shop).await;
        let pages = Pages::visit(&shop, &ann, &browser).await;
        Self {
            shop,
            before,
            this,
            is_before_asked: true,
            books,
            scene: "",
            ann,
            browser,
            order,
            pages,
        }
    }

    async fn go(&mut self, planted: &'static str) {
        self.this_release_arrives(planted).await;
        self.this_release_is_taken_back().await;
        self.scene = "whatever either has left is done in the end, and the books are right";
        self.work_by(&self.this.clone()).await;
        self.books
            .check(&self.shop, std::slice::from_ref(&self.order))
            .await;
    }

    async fn this_release_arrives(&mut self, planted: &'static str) {
        self.scene = "this release migrates";
        self.migrate(planted).await;

        self.scene = "the release before shows its pages on the new schema";
        self.pages
            .require(&self.shop, &self.ann, &self.browser)
            .await;

        self.scene = "the release before sells on the new schema";
        let ben = Customer::sign_up(&self.shop, "ben@example.com").await;
        let order = ben.order_two_mugs(&self.shop).await;

        self.scene = "this release knows those who came to the one before";
        self.shop.turn_to(&self.this);
        self.shop.start_another_server().await;
        self.is_before_asked = false;
        self.require_known(&self.ann, &self.browser).await;

        self.scene = "this release does the work that the one before has left";
        self.work_by(&self.this.clone()).await;
        pay(&self.shop, &self.ann, &self.order).await;
        pay(&self.shop, &ben, &order).await;

        self.scene = "a purchase that was begun with the release before ends with this one";
        let cart = self.ann.get(&self.shop, "/cart").await;
        let order = place(&self.shop, &self.ann, &cart).await;
        let invoice = pay(&self.shop, &self.ann, &order).await;
        self.ask(true);
        self.require_bought(&self.ann, &cart, &order, &invoice)
            .await;
        self.ask(false);
    }

    async fn this_release_is_taken_back(&mut self) {
        self.scene = "the release before knows those who came to this one";
        self.shop.kill_worker(0).await;
        let kim = Customer::sign_up(&self.shop, "kim@example.com").await;
        let browser = Browser::sign_in(&self.shop, &kim.email).await;
        let order = kim.order_two_mugs(&self.shop).await;
        let cart = kim.fill_cart(&self.shop).await;
        self.ask(true);
        self.require_known(&kim, &browser).await;

        self.scene = "the release before does the work that this one has left";
        self.work_by(&self.before.clone()).await;
        pay(&self.shop, &kim, &order).await;

        self.scene = "a purchase that was begun with this release ends with the one before";
        let order = place(&self.shop, &kim, &cart).await;
        let invoice = pay(&self.shop, &kim, &order).await;
        self.ask(false);
        self.require_bought(&kim, &cart, &order, &invoice).await;

        self.scene = "the release before sells when this one is taken back";
        self.shop.kill_server().await;
        self.ask(true);
        buy(&self.shop, &kim).await;
    }

    /// This release's migrations, and then what a test adds to them.
    async fn migrate(&self, planted: &'static str) {
        // What it says is for people, who need no addresses of functions.
        let plain = [("RUST_BACKTRACE", "0")];
        let migrated = self.this.migrate(self.shop.database(), &[], &plain).await;
        let complaint = String::from_utf8_lossy(&migrated.stderr);
        assert!(migrated.status.success(), "{}", complaint.trim());
        let migrator = self.shop.database().url_of("migrator");
        let mut migrator = PgConnection::connect(migrator.as_str())
            .await
            .expect("PostgreSQL answers");
        let done = migrator.execute(AssertSqlSafe(planted)).await;
        done.expect("a planted migration that applies");
    }

    /// Sends requests to the release before, or to this one.
    fn ask(&mut self, before: bool) {
        if self.is_before_asked != before {
            self.shop.switch_servers();
            self.is_before_asked = before;
        }
    }

    /// Has workers of `release`, and of no other, do the work.
    async fn work_by(&mut self, release: &Release) {
        while !self.shop.worker_pids().is_empty() {
            self.shop.kill_worker(0).await;
        }
        self.shop.turn_to(release);
        self.shop.start_worker();
    }

    /// Somebody is signed in, with a browser and with a program, and finds the cart.
    async fn require_known(&self, whoever: &Customer, browser: &Browser) {
        let account = browser.get(&self.shop, "/account").await;
        assert_eq!(account.status(), 200, "a session of the other release");
        let (status, cart) = whoever.try_get(&self.shop, "/cart").await;
        assert_eq!(status, 200, "an access token of the other release");
        assert_eq!(cart["total"]["minor"], 3_200, "a cart: {cart}");
    }

    /// Somebody has bought what was in the cart: also when the order is sent again, and with an invoice at the address that
    /// the other release has signed.
    async fn require_bought(&self, whoever: &Customer, cart: &Value, order: &str, invoice: &str) {
        assert_eq!(whoever.status_of(&self.shop, order).await, "paid");
        let again = place(&self.shop, whoever, cart).await;
        assert_eq!(again, order, "an order that was sent again");
        let document = self.shop.client().get(self.shop.url(invoice)).send();
        let document = document.await.expect("an answer");
        assert_eq!(document.status(), 200, "GET {invoice}");
    }

    /// What went wrong, with the last words of those who served.
    fn told(&self, panic: &(dyn Any + Send)) -> Finding {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let mut what = said.unwrap_or("it failed").to_owned();
        for release in [&self.before, &self.this] {
            for command in ["serve", "worker"] {
                let log = self.shop.log_of(release, command);
                if let Some(error) = log.lines().rfind(|line| line.contains(" ERROR ")) {
                    what = format!("{what}\n    {command}{}  {error}", release.name);
                }
            }
        }
        COMPATIBLE.broken(self.scene, what)
    }
}

/// Orders what is in the cart under a key, as a program does that sends again what was not answered; gives the order's
/// number.
async fn place(shop: &Shop, customer: &Customer, cart: &Value) -> String {
    let order = customer.order(cart);
    let answer = customer
        .try_post(shop, "/orders", &order, "this-cart")
        .await;
    let (status, order) = answer.expect("an answer");
    assert_eq!(status, 201, "POST /orders: {order}");
    number(&order)
}

/// Pays an order, and waits until the work about it is done; gives the address of the invoice within the shop.
async fn pay(shop: &Shop, customer: &Customer, order: &str) -> String {
    customer.pay(shop, order).await;
    let mut connection = shop.connect().await;
    let invoice = eventually("an order that is paid, with its invoice", async || {
        let failing = failing(&mut connection).await;
        assert!(failing.is_empty(), "{}", failing.join("\n    "));
        let is_paid = customer.status_of(shop, order).await == "paid";
        let invoices = customer.get(shop, "/invoices").await;
        let mut invoices = invoices["items"].as_array().expect("a list").iter();
        let ours = invoices.find(|it| it["order_number"] == order && it["has_document"] == true)?;
        is_paid.then(|| ours["id"].as_str().expect("an id").to_owned())
    })
    .await;
    let document = format!("/invoices/{invoice}/document");
    let document = customer.get(shop, &document).await;
    let address: Url = parse(document["url"].as_str().expect("an address"));
    format!("{}?{}", address.path(), address.query().unwrap_or_default())
}

async fn buy(shop: &Shop, customer: &Customer) {
    let order = customer.order_two_mugs(shop).await;
    pay(shop, customer, &order).await;
}

/// Jobs that have failed more often than by chance. Those whose worker was killed have not failed.
#[expect(
    clippy::disallowed_methods,
    reason = "it looks at what the releases have written, which no module's queries show"
)]
async fn failing(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT concat_ws(' ', 'the job', kind, 'fails:', last_error) FROM platform.jobs
         WHERE state = 'dead' OR state <> 'done' AND attempt > 1 AND deaths = 0 AND last_error IS NOT NULL
         ORDER BY id LIMIT 3",
    )
    .fetch_all(connection)
    .await
    .expect("a list of jobs")
}
