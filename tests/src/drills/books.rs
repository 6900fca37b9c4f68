#![expect(
    clippy::disallowed_methods,
    reason = "it looks at all schemas at once, which no module's checked queries can"
)]

use std::collections::BTreeMap;

use sqlx::PgConnection;

use crate::{PATIENCE, Shop, eventually};

/// What must hold in a shop whatever has happened to it.
pub struct Books {
    /// Payments of the demo data, which no provider knows.
    demo: Vec<String>,
    /// What is on the shelves and what was ordered, of each product together: nothing comes and nothing goes.
    goods: Vec<(String, i64)>,
}

impl Books {
    /// Notes what is there before the drill.
    pub async fn open(shop: &Shop) -> Self {
        let mut connection = shop.connect().await;
        let demo = sqlx::query_scalar(
            "SELECT payment_intent_id FROM billing.payments WHERE payment_intent_id IS NOT NULL",
        )
        .fetch_all(&mut connection)
        .await
        .expect("a list of payments");
        let goods = goods(&mut connection).await;
        Self { demo, goods }
    }

    /// Waits until nothing is left to do, and checks that everything is right. `acknowledged` are the numbers of the orders
    /// that somebody was told to have been placed.
    pub async fn check(&self, shop: &Shop, acknowledged: &[String]) {
        self.settled(shop).await;
        let mut connection = shop.connect().await;
        let connection = &mut connection;
        assert_eq!(count(connection, DEAD).await, 0, "dead jobs");
        assert_eq!(count(connection, LEDGER).await, 0, "the ledger's sum");
        assert_eq!(count(connection, NEGATIVE).await, 0, "stock below zero");
        assert_eq!(goods(connection).await, self.goods, "stock ≠ orders");
        assert_eq!(count(connection, HALF_PLACED).await, 0, "half an order");
        let present: Vec<String> = sqlx::query_scalar("SELECT number::text FROM orders.orders")
            .fetch_all(&mut *connection)
            .await
            .expect("a list of orders");
        for number in acknowledged {
            assert!(present.contains(number), "order {number} is lost");
        }
        self.compare_with_provider(shop, connection).await;
    }

    /// Whether no job is due, running or put off after a failure.
    pub(super) async fn is_settled(shop: &Shop) -> bool {
        unfinished(&mut shop.connect().await).await.is_empty()
    }

    /// Waits until no job is due, running or put off after a failure.
    async fn settled(&self, shop: &Shop) {
        let mut connection = shop.connect().await;
        let mut last = Vec::new();
        let settling = eventually("jobs that end", async || {
            last = unfinished(&mut connection).await;
            last.is_empty().then_some(())
        });
        // Said in full: "waited in vain" alone would help nobody.
        if tokio::time::timeout(PATIENCE * 9 / 10, settling)
            .await
            .is_err()
        {
            panic!("jobs are stuck: {}", last.join("; "));
        }
    }

    /// An order is paid if and only if its customer was charged, and as much was given back as was booked.
    async fn compare_with_provider(&self, shop: &Shop, connection: &mut PgConnection) {
        let booked: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT payment_intent_id, amount,
                 (SELECT coalesce(sum(amount), 0)::bigint FROM billing.refunds AS refund
                  WHERE refund.payment_id = payment.id AND refund.status = 'succeeded')
             FROM billing.payments AS payment WHERE status IN ('succeeded', 'refunded')",
        )
        .fetch_all(&mut *connection)
        .await
        .expect("a list of payments");
        let booked: BTreeMap<_, _> = booked
            .into_iter()
            .filter(|(intent, ..)| !self.demo.contains(intent))
            .map(|(intent, amount, refunded)| (intent, (amount, refunded)))
            .collect();
        let there = shop.charges().await;
        let charged: BTreeMap<_, _> = there
            .iter()
            .map(|charge| {
                let amounts = (charge.amount, charge.amount_refunded);
                (charge.payment_intent.clone(), amounts)
            })
            .collect();
        assert_eq!(there.len(), charged.len(), "a payment was charged twice");
        assert_eq!(booked, charged, "booked here ≠ charged there");
        assert_eq!(
            count(connection, UNPAID).await,
            0,
            "paid, and the order is not"
        );
    }
}

/// Of each product, what is on the shelf and in orders that hold.
async fn goods(connection: &mut PgConnection) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT slug, stock + coalesce((
             SELECT sum(line.quantity) FROM orders.order_lines AS line
             JOIN orders.orders AS placed ON placed.id = line.order_id
             WHERE line.product_id = product.id AND placed.status <> 'cancelled'
               -- What was given back before it was sent is on the shelf again.
               AND (placed.status <> 'refunded' OR EXISTS (
                   SELECT FROM orders.timeline AS entry WHERE entry.order_id = placed.id AND entry.status = 'shipped'
               ))
         ), 0)::bigint
         FROM orders.products AS product ORDER BY slug",
    )
    .fetch_all(connection)
    .await
    .expect("a list of products")
}

/// Orders without their lines, their timeline, or the payment that the event of their placing opens.
const HALF_PLACED: &str = "SELECT count(*) FROM orders.orders AS placed
    WHERE NOT EXISTS (SELECT FROM orders.order_lines AS line WHERE line.order_id = placed.id)
       OR NOT EXISTS (SELECT FROM orders.timeline AS entry WHERE entry.order_id = placed.id AND entry.status = 'placed')
       OR NOT EXISTS (SELECT FROM billing.payments AS payment WHERE payment.order_id = placed.id)";
const DEAD: &str = "SELECT count(*) FROM platform.jobs WHERE state = 'dead'";
const LEDGER: &str = "SELECT coalesce(sum(abs(total)), 0)::bigint FROM
    (SELECT sum(amount) AS total FROM billing.ledger_entries GROUP BY currency) AS totals";
const NEGATIVE: &str = "SELECT count(*) FROM orders.products WHERE stock < 0";
/// An order that was cancelled before its money came is given the money back.
const UNPAID: &str = "SELECT count(*) FROM billing.payments AS payment
    JOIN orders.orders AS placed ON placed.id = payment.order_id
    WHERE payment.status = 'succeeded' AND placed.status IN ('placed', 'cancelled')";

async fn count(connection: &mut PgConnection, question: &'static str) -> i64 {
    sqlx::query_scalar(question)
        .fetch_one(connection)
        .await
        .expect("a count")
}

/// Jobs that are due or running, or that wait to be tried again: what is planned for later is not among them.
async fn unfinished(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT concat_ws(' ', kind, state, 'attempt', attempt, last_error) FROM platform.jobs
         WHERE state = 'running' OR state = 'ready' AND (run_at <= now() OR attempt > 0)
         ORDER BY run_at LIMIT 5",
    )
    .fetch_all(connection)
    .await
    .expect("a list of jobs")
}
