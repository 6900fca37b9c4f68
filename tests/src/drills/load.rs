//! What goes on in the shop while a drill harms it.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at all schemas at once, which no module's checked queries can"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;
use tokio::time::sleep;

use crate::browser::Browser;
use crate::customer::{Customer, MUG, number};
use crate::{PAUSE, Shop};

/// Pages that everybody may see, and that a shop lives by.
pub(super) const PUBLIC: [&str; 3] = ["/", "/products", "/products/everyday-mug"];

/// For those who never give up.
pub(super) static NEVER: AtomicBool = AtomicBool::new(false);

/// Places order after order, each under a key of its own, and asks again until it is told what became of it, or gives up.
pub(super) async fn buy_until(
    shop: &Shop,
    customer: &Customer,
    mug: &str,
    is_over: &AtomicBool,
    gives_up: &AtomicBool,
) -> Vec<String> {
    let mut orders = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let turn = orders.len();
        let line = serde_json::json!({ "product_id": mug, "quantity": 2 });
        let key = format!("cart-{turn}");
        let told = told_or_not(shop, customer, "/cart/lines", &line, &key, gives_up).await;
        let Some(cart) = told else { break };
        assert_eq!(cart.0, 200, "{}", cart.1);
        let (order, key) = (customer.order(&cart.1), format!("order-{turn}"));
        let told = told_or_not(shop, customer, "/orders", &order, &key, gives_up).await;
        let Some(placed) = told else { break };
        assert_eq!(placed.0, 201, "{}", placed.1);
        orders.push(number(&placed.1));
    }
    orders
}

/// Asks until there is an answer other than "not now".
pub(super) async fn told(
    shop: &Shop,
    customer: &Customer,
    path: &str,
    body: &Value,
    key: &str,
) -> (u16, Value) {
    let told = told_or_not(shop, customer, path, body, key, &NEVER).await;
    told.expect("nobody gave up")
}

/// As [`told`], unless the customer gives up before: a key whose request broke off is taken for a minute.
async fn told_or_not(
    shop: &Shop,
    customer: &Customer,
    path: &str,
    body: &Value,
    key: &str,
    gives_up: &AtomicBool,
) -> Option<(u16, Value)> {
    while !gives_up.load(Ordering::Relaxed) {
        match customer.try_post(shop, path, body, key).await {
            Ok((503, _)) | Err(_) => {}
            Ok((409, problem)) if problem["code"] == "request_in_progress" => {}
            Ok(answer) => return Some(answer),
        }
        sleep(PAUSE).await;
    }
    None
}

/// Puts more of what customers buy on its shelf than the longest drill can sell; gives its id.
pub(super) async fn a_full_shelf(shop: &Shop) -> String {
    let mut connection = shop.connect().await;
    sqlx::query_scalar(
        "UPDATE orders.products SET stock = 1000000 WHERE slug = $1 RETURNING id::text",
    )
    .bind(MUG)
    .fetch_one(&mut connection)
    .await
    .expect("the catalogue has mugs")
}

/// The id of what customers buy.
pub(super) async fn mug(shop: &Shop) -> String {
    let mut connection = shop.connect().await;
    sqlx::query_scalar("SELECT id::text FROM orders.products WHERE slug = $1")
        .bind(MUG)
        .fetch_one(&mut connection)
        .await
        .expect("the catalogue has mugs")
}

/// What visitors were answered.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<Answer>);

#[derive(Clone, Copy, Debug)]
struct Answer {
    asked: Instant,
    took: Duration,
    /// 0 where there was no answer.
    status: u16,
}

impl Answers {
    /// Those that were asked for after `since`.
    pub(super) fn since(&self, since: Instant) -> Self {
        let answers = self.0.iter().filter(|answer| answer.asked >= since);
        Self(answers.copied().collect())
    }

    /// How long each was waited for that was not there yet at `since`, counted from then on.
    pub(super) fn waits_since(&self, since: Instant) -> Vec<Duration> {
        let waits = self.0.iter().filter_map(|answer| {
            let there = answer.asked + answer.took;
            (there > since).then(|| there - since.max(answer.asked))
        });
        waits.collect()
    }

    /// Those with a status that `wanted` chooses.
    pub(super) fn with(&self, wanted: impl Fn(u16) -> bool) -> Self {
        let answers = self.0.iter().filter(|answer| wanted(answer.status));
        Self(answers.copied().collect())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// How long so many of a hundred took at most; nothing where there are none.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let mut times: Vec<_> = self.0.iter().map(|answer| answer.took).collect();
        times.sort_unstable();
        let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
        times.get(place).copied().unwrap_or_default()
    }

    /// Fails if there is another status than these.
    pub(super) fn require(&self, statuses: &[u16]) {
        let mut others = BTreeMap::<u16, usize>::new();
        for answer in &self.0 {
            if !statuses.contains(&answer.status) {
                *others.entry(answer.status).or_default() += 1;
            }
        }
        assert!(
            others.is_empty(),
            "answered otherwise than {statuses:?}: {others:?}"
        );
    }
}

/// Has so many people look at pages again and again. Each uses one of the browsers, if there are any.
pub(super) async fn look_until(
    shop: &Shop,
    people: usize,
    browsers: &[Browser],
    paths: &[&str],
    is_over: &AtomicBool,
) -> Answers {
    let looking = (0..people).map(async |person| {
        let browser = (!browsers.is_empty()).then(|| &browsers[person % browsers.len()]);
        let mut answers = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let path = paths[(person + answers.len()) % paths.len()];
            answers.push(look(shop, browser, path).await);
            sleep(PAUSE).await;
        }
        answers
    });
    Answers(join_all(looking).await.concat())
}

/// Asks for one page.
async fn look(shop: &Shop, browser: Option<&Browser>, path: &str) -> Answer {
    let asked = Instant::now();
    let answer = match browser {
        Some(browser) => browser.try_get(shop, path).await,
        None => shop.client().get(shop.url(path)).send().await,
    };
    Answer {
        asked,
        took: asked.elapsed(),
        status: answer.map_or(0, |answer| answer.status().as_u16()),
    }
}

/// Waits until a page is there again; how long it took.
pub(super) async fn healed(shop: &Shop, path: &str) -> Duration {
    let since = Instant::now();
    crate::eventually("a page that is there again", async || {
        let answer = shop.client().get(shop.url(path)).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    since.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninety_nine_of_a_hundred_may_hide_one_slow_answer_and_not_two() {
        let answers = |slow: usize| {
            let times = (0..100).map(|place| if place < slow { 5 } else { 1 });
            Answers(
                times
                    .map(|seconds| Answer {
                        asked: Instant::now(),
                        took: Duration::from_secs(seconds),
                        status: 200,
                    })
                    .collect(),
            )
        };
        assert_eq!(answers(1).percentile(99), Duration::from_secs(1));
        assert_eq!(answers(2).percentile(99), Duration::from_secs(5));
        assert_eq!(answers(0).with(|_| false).percentile(99), Duration::ZERO);
    }
}
