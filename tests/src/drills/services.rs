//! PostgreSQL and Redis stand still, drop everybody, or talk nonsense.

mod postgres;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::load::{PUBLIC, look_until};
use super::{Books, Drill, Length, Measured};
use crate::browser::Browser;
use crate::customer::Customer;
use crate::{PAUSE, Setup, Shop, eventually};

pub(super) const DRILLS: [Drill; 5] = [
    Drill {
        name: "postgres-frozen",
        fault: "`SIGSTOP` of PostgreSQL while people look and buy",
        expected: "503 ≤ 2 s, also in the middle of a statement (asserted: nobody waits 5 s); `/livez` is 200; all is well ≤ 30 s after `SIGCONT`",
        run: |length| Box::pin(postgres::frozen(length)),
    },
    Drill {
        name: "sessions-dropped",
        fault: "every session with PostgreSQL is ended, several times, while people look and buy",
        expected: "there again ≤ 5 s, no order lost, workers are called again",
        run: |length| Box::pin(postgres::sessions_dropped(length)),
    },
    Drill {
        name: "redis-frozen",
        fault: "`SIGSTOP` of Redis while signed-in people look around",
        expected: "public pages p99 ≤ 1 s, 5xx 0; they are signed in again after `SIGCONT`",
        run: |length| Box::pin(redis_frozen(length)),
    },
    Drill {
        name: "redis-flushed",
        fault: "Redis loses everything, several times, under signed-in people",
        expected: "they sign in again; 5xx 0, carts and orders are there",
        run: |length| Box::pin(redis_flushed(length)),
    },
    Drill {
        name: "poisoned-cache",
        fault: "garbage of the right and of the wrong type under every key in Redis",
        expected: "they sign in again at worst; 5xx 0",
        run: |length| Box::pin(poisoned_cache(length)),
    },
];

/// More people than the server has connections with PostgreSQL.
const CROWD: usize = 16;
/// Pages that only those see who are signed in.
const PRIVATE: [&str; 3] = ["/account", "/account/sessions", "/orders"];

async fn redis_frozen(length: Length) -> Measured {
    let shop = Shop::open(Setup::new("drill-redis-frozen")).await;
    let (customers, browsers) = signed_in(&shop, length.pick(2, 4)).await;
    let (books, is_over) = (Books::open(&shop).await, AtomicBool::new(false));
    let order = customers[0].order_two_mugs(&shop).await;
    let harming = async {
        let frozen = shop.freeze_redis().await;
        sleep(Duration::from_secs(length.pick(5, 30))).await;
        drop(frozen);
        is_over.store(true, Ordering::Relaxed);
    };
    let (public, private, ()) = tokio::join!(
        look_until(&shop, CROWD / 2, &browsers, &PUBLIC, &is_over),
        look_until(&shop, 2, &browsers, &PRIVATE, &is_over),
        harming,
    );
    let since = Instant::now();
    eventually("people who are signed in as before", async || {
        let account = browsers[0].get(&shop, "/account").await;
        (account.status() == 200).then_some(())
    })
    .await;
    let recovery = since.elapsed();
    public.require(&[200]);
    private.require(&[200, 503]);
    let p99 = public.percentile(99);
    // Below the time for which Redis stands still even in the short form: whoever waits for it is seen.
    assert!(p99 <= Duration::from_secs(3), "p99 {p99:?}");
    books.check(&shop, &[order]).await;
    format!(
        "{} public pages: p50 {} ms, p99 {} ms, 5xx 0; {} of {} private ones 503; signed in as before after {:.1} s",
        public.count(),
        public.percentile(50).as_millis(),
        p99.as_millis(),
        private.with(|status| status == 503).count(),
        private.count(),
        recovery.as_secs_f64(),
    )
}

async fn redis_flushed(length: Length) -> Measured {
    let shop = Shop::open(Setup::new("drill-redis-flushed")).await;
    let flushes = length.pick(3, 20);
    let lost = lose_sessions(&shop, length, flushes, async |_| shop.flush_redis().await).await;
    format!("{flushes} times: {lost}")
}

async fn poisoned_cache(length: Length) -> Measured {
    let shop = Shop::open(Setup::new("drill-poisoned-cache")).await;
    let rounds = POISONS.len() * length.pick(1, 4);
    let mut poisoned = 0;
    let lost = lose_sessions(&shop, length, rounds, async |round| {
        poisoned += poison(&shop, POISONS[round % POISONS.len()]).await;
    })
    .await;
    format!(
        "{poisoned} keys with {} kinds of garbage: {lost}",
        POISONS.len()
    )
}

/// Takes the sessions away again and again under people who look around: they sign in anew, and nothing else is missing.
async fn lose_sessions(
    shop: &Shop,
    length: Length,
    rounds: usize,
    mut harm: impl AsyncFnMut(usize),
) -> String {
    let (customers, mut browsers) = signed_in(shop, length.pick(2, 6)).await;
    let books = Books::open(shop).await;
    let mut orders = Vec::new();
    for customer in &customers {
        orders.push(customer.order_two_mugs(shop).await);
        customer.fill_cart(shop).await;
    }
    let everywhere = [&PUBLIC[..], &PRIVATE, &["/cart"]].concat();
    let mut seen = 0;
    for round in 0..rounds {
        let is_over = AtomicBool::new(false);
        let harming = async {
            sleep(PAUSE).await;
            harm(round).await;
            // Everybody goes everywhere once.
            sleep(PAUSE * 10).await;
            is_over.store(true, Ordering::Relaxed);
        };
        let looking = look_until(shop, browsers.len() * 2, &browsers, &everywhere, &is_over);
        let (answers, ()) = tokio::join!(looking, harming);
        // 303 leads to the form to sign in with.
        answers.require(&[200, 303]);
        seen += answers.count();
        assert_eq!(browsers[0].get(shop, "/account").await.status(), 303);
        for (browser, customer) in browsers.iter_mut().zip(&customers) {
            *browser = Browser::sign_in(shop, &customer.email).await;
            assert_eq!(browser.get(shop, "/account").await.status(), 200);
            let cart = browser.read(shop, "/cart").await;
            assert!(cart.contains("/products/everyday-mug"), "{cart}");
        }
    }
    for (browser, order) in browsers.iter().zip(&orders) {
        assert_eq!(
            browser
                .get(shop, &format!("/orders/{order}"))
                .await
                .status(),
            200
        );
    }
    books.check(shop, &orders).await;
    format!("{seen} pages, 5xx 0; everybody signed in again and found cart and orders")
}

/// People who are signed in in a browser each.
async fn signed_in(shop: &Shop, people: usize) -> (Vec<Customer>, Vec<Browser>) {
    let customers = Customer::crowd(shop, people).await;
    let mut browsers = Vec::new();
    for customer in &customers {
        browsers.push(Browser::sign_in(shop, &customer.email).await);
    }
    (customers, browsers)
}

/// Commands that put garbage under a key: `KEY` stands for it.
const POISONS: [&str; 7] = [
    "SET KEY garbage",
    r#"SET KEY "{\"id\":7}""#,
    "SET KEY []",
    r#"SET KEY "\xff\xfe\x00""#,
    "RPUSH KEY x",
    "HSET KEY field x",
    r#"ZADD KEY 1 "\xff\xfe""#,
];

/// Overwrites every key of this shop; how many there were.
async fn poison(shop: &Shop, command: &str) -> usize {
    let keys = shop.redis(&["KEYS *"]).await;
    let keys: Vec<_> = keys
        .iter()
        .filter(|line| line.starts_with("shop:"))
        .collect();
    assert!(!keys.is_empty(), "Redis is empty: the drill shows nothing");
    for key in &keys {
        let overwrite = [format!("DEL {key}"), command.replace("KEY", key)];
        let answers = shop.redis(&overwrite.each_ref().map(String::as_str)).await;
        assert!(!answers[1].starts_with('-'), "{command}: {}", answers[1]);
    }
    keys.len()
}
