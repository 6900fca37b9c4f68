//! The payment provider is gone.

use std::time::{Duration, Instant};

use futures::future::join_all;
use platform::testing::State;

use super::{paid, press};
use crate::customer::Customer;
use crate::drills::{Books, Length, Measured};
use crate::{Manner, Partner, Setup, Shop, eventually};

pub(super) async fn provider_down(length: Length) -> Measured {
    let setup = Setup::new("drill-provider-down").with_wire_to_provider();
    let shop = Shop::open(setup).await;
    let customers = Customer::crowd(&shop, length.pick(4, 12)).await;
    let books = Books::open(&shop).await;
    let ordering = customers
        .iter()
        .map(|customer| customer.order_two_mugs(&shop));
    let orders = join_all(ordering).await;
    let mut ratio: f64 = 1.0;
    // First without a connection: that is what a call for a person is repeated for.
    shop.wire_to_provider().set(State::Cut).await;
    for manner in length.pick(
        &[Manner::Failing][..],
        &[Manner::Normal, Manner::Failing, Manner::Hanging],
    ) {
        shop.behave(Partner::Payments, *manner).await;
        for _ in 0..length.pick(5, 20) {
            let asking = customers.iter().zip(&orders);
            join_all(asking.map(|(customer, order)| refused(&shop, customer, order))).await;
            // After each round: once the breaker is open, there is nothing to be repeated, and the ratio falls.
            ratio = ratio.max(attempts_a_call(&shop).await);
            assert!(ratio <= 1.1, "{ratio} attempts a call");
        }
        shop.wire_to_provider().set(State::Working).await;
    }
    assert!(
        shop.metric("outbound_breaker_state", &PAYMENTS).await > 1.0,
        "the breaker is not open"
    );

    let mut told_after = Duration::MAX;
    for _ in 0..3 {
        let since = Instant::now();
        refused(&shop, &customers[0], &orders[0]).await;
        // The quickest: one of them may be the call by which the breaker looks whether the provider is back.
        told_after = told_after.min(since.elapsed());
    }
    // One that waited for the provider would take its patience of 8 s.
    assert!(
        told_after < Duration::from_secs(4),
        "told after {told_after:?}"
    );
    let shelf = shop.client().get(shop.url("/api/v1/products")).send().await;
    assert_eq!(shelf.expect("an answer").status().as_u16(), 200);

    shop.behave(Partner::Payments, Manner::Normal).await;
    if length == Length::Short {
        // The breaker asks again after half a minute; a new process does at once.
        shop.kill_server().await;
        shop.start_server().await;
    }
    for (customer, order) in customers.iter().zip(&orders) {
        let page = eventually("payments that work again", async || {
            let (status, checkout) = customer.start_payment(&shop, order).await;
            (status == 201).then(|| checkout["url"].as_str().expect("an address").to_owned())
        });
        press(&shop, &page.await, "pay").await;
    }
    paid(&shop, &orders).await;
    books.check(&shop, &orders).await;
    format!(
        "{ratio:.2} attempts a call, told after {} ms once the breaker was open; then {} paid, doubles 0",
        told_after.as_millis(),
        orders.len(),
    )
}

/// Asks for the payment page and is told when to try again.
async fn refused(shop: &Shop, customer: &Customer, order: &str) {
    let answer = customer.ask_to_pay(shop, order).await;
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}

const PAYMENTS: [(&str, &str); 1] = [("dependency", "payments")];

/// How many attempts at the provider each call has cost so far.
async fn attempts_a_call(shop: &Shop) -> f64 {
    let retries = shop.metric("outbound_retries_total", &PAYMENTS).await;
    let attempts = shop.metric("outbound_calls_total", &PAYMENTS).await;
    attempts / (attempts - retries)
}
