//! Faults at the till: the server dies, clients go away, everybody wants the same.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at all schemas at once, which no module's checked queries can"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{sleep, timeout};

use super::load::{NEVER, a_full_shelf, buy_until, mug, told};
use super::{Books, Drill, Length, Measured};
use crate::customer::{Customer, MUG, number};
use crate::{Setup, Shop};

pub(super) const DRILLS: [Drill; 4] = [
    Drill {
        name: "server-killed",
        fault: "`kill -9` of the server while people check out",
        expected: "each acknowledged order is there once, with all that follows from it",
        run: |length| Box::pin(server_killed(length)),
    },
    Drill {
        name: "client-aborts",
        fault: "clients that hang up 1 to 200 ms after asking for an order",
        expected: "whole orders or none",
        run: |length| Box::pin(client_aborts(length)),
    },
    Drill {
        name: "last-item",
        fault: "a crowd buys the last item at once",
        expected: "one order; the others are told why not",
        run: |length| Box::pin(last_item(length)),
    },
    Drill {
        name: "same-key",
        fault: "50 times the same POST with one idempotency key, at once",
        expected: "one order, identical replies; another body under the key is refused",
        run: |length| Box::pin(same_key(length)),
    },
];

async fn server_killed(length: Length) -> Measured {
    let shop = Shop::open(Setup::new("drill-server-killed")).await;
    let customers = Customer::crowd(&shop, length.pick(4, 12)).await;
    let mug = a_full_shelf(&shop).await;
    let books = Books::open(&shop).await;
    let kills = length.pick(4, 200);
    let is_over = AtomicBool::new(false);

    let buying = customers
        .iter()
        .map(|customer| buy_until(&shop, customer, &mug, &is_over, &NEVER));
    let killing = async {
        for kill in 0..kills {
            // At another moment of the orders' lives each time.
            sleep(Duration::from_millis(200 + 37 * kill % 300)).await;
            shop.kill_server().await;
            shop.start_server().await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let (orders, ()) = tokio::join!(join_all(buying), killing);
    let orders = orders.concat();

    books.check(&shop, &orders).await;
    let doubled = count(&shop, ORDERS_OF_CROWD).await - orders.len();
    assert_eq!(doubled, 0, "orders that nobody asked for");
    format!("{kills} kills, {} orders: lost 0, doubled 0", orders.len())
}

async fn client_aborts(length: Length) -> Measured {
    let shop = Shop::open(Setup::new("drill-client-aborts")).await;
    let customers = Customer::crowd(&shop, length.pick(4, 20)).await;
    a_full_shelf(&shop).await;
    let books = Books::open(&shop).await;
    let delays: Vec<u64> = (1..=length.pick(20, 200)).collect();

    let mut answered = Vec::new();
    for (turn, delay) in delays.iter().enumerate() {
        let customer = &customers[turn % customers.len()];
        let cart = customer.fill_cart(&shop).await;
        let order = customer.order(&cart);
        let key = format!("abort-{delay}");
        let placing = customer.try_post(&shop, "/orders", &order, &key);
        // The dropped request hangs up.
        if let Ok(Ok((201, order))) = timeout(Duration::from_millis(*delay), placing).await {
            answered.push(number(&order));
        }
        empty_cart(&shop, customer).await;
    }

    books.check(&shop, &answered).await;
    let placed = count(&shop, ORDERS_OF_CROWD).await;
    format!(
        "{} aborts: {} answered, {placed} placed, half states 0",
        delays.len() - answered.len(),
        answered.len(),
    )
}

/// Waits until a request that was left alone has ended, and takes out of the cart what it may have left there.
async fn empty_cart(shop: &Shop, customer: &Customer) {
    shop.idle().await;
    let cart = customer.get(shop, "/cart").await;
    for line in cart["lines"].as_array().expect("lines") {
        let path = format!(
            "/cart/lines/{}",
            line["product_id"].as_str().expect("an id")
        );
        customer.delete(shop, &path).await;
    }
}

async fn last_item(length: Length) -> Measured {
    let shop = Shop::open(Setup::new("drill-last-item")).await;
    let buyers = Customer::crowd(&shop, length.pick(40, 200)).await;
    let mut connection = shop.connect().await;
    sqlx::query("UPDATE orders.products SET stock = 1 WHERE slug = $1")
        .bind(MUG)
        .execute(&mut connection)
        .await
        .expect("a product");
    let books = Books::open(&shop).await;
    let line = serde_json::json!({ "product_id": mug(&shop).await, "quantity": 1 });
    let mut orders = Vec::new();
    for buyer in &buyers {
        let (status, cart) = buyer.post(&shop, "/cart/lines", line.clone()).await;
        assert_eq!(status, 200, "{cart}");
        orders.push(buyer.order(&cart));
    }

    let placing = buyers.iter().zip(&orders);
    let placing = placing.map(|(buyer, order)| told(&shop, buyer, "/orders", order, "the-last"));
    let answers = join_all(placing).await;

    let placed: Vec<_> = answers
        .iter()
        .filter(|(status, _)| *status == 201)
        .collect();
    assert_eq!(placed.len(), 1, "{} people got the last item", placed.len());
    for (status, problem) in answers.iter().filter(|(status, _)| *status != 201) {
        assert_eq!(*status, 409, "{problem}");
    }
    books.check(&shop, &[number(&placed[0].1)]).await;
    format!(
        "{} buyers: 1 order, {} were told",
        buyers.len(),
        buyers.len() - 1
    )
}

async fn same_key(_: Length) -> Measured {
    let shop = Shop::open(Setup::new("drill-same-key")).await;
    let customer = Customer::sign_up(&shop, "customer-0@example.com").await;
    let books = Books::open(&shop).await;
    let order = customer.order(&customer.fill_cart(&shop).await);

    let asking = (0..50).map(|_| told(&shop, &customer, "/orders", &order, "once"));
    let answers = join_all(asking).await;
    let first = &answers[0];
    assert_eq!(first.0, 201, "{}", first.1);
    assert!(answers.iter().all(|answer| answer == first), "{answers:?}");

    let mut other = order.clone();
    other["delivery"]["city"] = "Kiel".into();
    let refused = told(&shop, &customer, "/orders", &other, "once").await;
    assert_eq!(refused.0, 422, "{}", refused.1);
    books.check(&shop, &[number(&first.1)]).await;
    assert_eq!(count(&shop, ORDERS_OF_CROWD).await, 1);
    "50 asked: 1 order, 50 identical replies, another body 422".to_owned()
}

/// Orders of people who signed up for the drill.
const ORDERS_OF_CROWD: &str =
    "SELECT count(*) FROM orders.orders WHERE email LIKE 'customer-%@example.com'";

async fn count(shop: &Shop, question: &'static str) -> usize {
    let mut connection = shop.connect().await;
    let count: i64 = sqlx::query_scalar(question)
        .fetch_one(&mut connection)
        .await
        .expect("a count");
    usize::try_from(count).expect("a count")
}
