//! Every reaction may be delivered more than once, in any order, long after it ran: nothing changes any more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use billing::{OpenPayment, RefundReason, RequestRefund, ReturnUrls};
use chrono::TimeDelta;
use kernel::{Entropy, Money};
use orders::Order;
use platform::testing::PublishedEvent;
use serde_json::{Value, json};
use url::Url;
use webhooks::EventKind;
use webhooks::testing::{Received, Receiver};

use crate::testing::TestShop;
use crate::worker;

/// A shop in which orders live.
struct World {
    shop: TestShop,
    /// Where every customer is told of everything.
    endpoint: Receiver,
}

impl Deref for World {
    type Target = TestShop;

    fn deref(&self) -> &TestShop {
        &self.shop
    }
}

impl World {
    async fn open() -> Self {
        Self {
            shop: TestShop::open_beside_private_endpoints().await,
            endpoint: Receiver::start().await,
        }
    }

    /// An order whose payment is not open yet.
    async fn a_new_order(&self) -> Order {
        let orders = self.app.orders();
        let customer = orders.a_user();
        let webhooks = self.app.webhooks();
        webhooks.an_endpoint(customer, &self.endpoint.url).await;
        orders.a_placed_order(customer).await
    }

    /// An order whose payment is open.
    async fn an_order(&self) -> Order {
        let order = self.a_new_order().await;
        self.run_jobs().await;
        order
    }

    async fn cancel(&self, order: &Order) {
        let orders = self.app.orders();
        orders.cancel(order.user_id, order.number).await.unwrap();
    }

    /// Opens the provider's page.
    async fn check_out(&self, order: &Order) -> String {
        let open = OpenPayment {
            order_id: order.id,
            order_number: order.number.to_string(),
            user_id: order.user_id,
            amount: order.total,
        };
        let shop: Url = "https://shop.example/".parse().unwrap();
        let return_to = ReturnUrls {
            success: shop.clone(),
            cancel: shop,
        };
        let billing = self.app.billing();
        billing.start_checkout(open, return_to).await.unwrap().url
    }

    /// Pays on the provider's page, of which the shop does not hear yet.
    async fn pay_unheard(&self, order: &Order) {
        let page = self.check_out(order).await;
        self.press(&page, "silent").await;
    }

    /// Looks at the provider whether an order was paid.
    async fn hear(&self, order: &Order) {
        let billing = self.app.billing();
        let payment = billing.payment_of_order(order.user_id, order.id).await;
        let payment = payment.unwrap().unwrap();
        billing.check_payment(payment.id).await.unwrap();
    }

    async fn a_paid_order(&self) -> Order {
        let order = self.an_order().await;
        self.pay_unheard(&order).await;
        self.hear(&order).await;
        self.run_jobs().await;
        order
    }

    async fn refund(&self, order: &Order, amount: Option<Money>) {
        let request = RequestRefund {
            order_number: order.number.to_string(),
            amount,
            reason: RefundReason::parse("broken").unwrap(),
        };
        let staff = self.app.orders().a_staff_member();
        self.app.billing().refund(staff, request).await.unwrap();
        self.run_jobs().await;
    }

    /// Leads an order to each end that one can have.
    async fn live(&self) {
        let orders = self.app.orders();
        self.an_order().await;
        self.a_paid_order().await;

        let regretted = self.a_new_order().await;
        self.cancel(&regretted).await;
        let turned_back = self.an_order().await;
        self.check_out(&turned_back).await;
        self.cancel(&turned_back).await;
        self.run_jobs().await;

        let paid_late = self.an_order().await;
        self.pay_unheard(&paid_late).await;
        self.cancel(&paid_late).await;
        self.hear(&paid_late).await;
        self.run_jobs().await;

        let unwanted = self.a_paid_order().await;
        self.refund(&unwanted, None).await;
        let scratched = self.a_paid_order().await;
        let part = Money::new(100, scratched.total.currency());
        self.refund(&scratched, Some(part)).await;
        let sent_back = self.a_paid_order().await;
        let staff = orders.a_staff_member();
        orders.ship(staff, sent_back.number).await.unwrap();
        self.refund(&sent_back, None).await;

        // What was to be looked at later.
        self.platform.clock.advance(TimeDelta::hours(2));
        self.run_jobs().await;
    }

    /// Every published event with every reaction to it, in the order of publication.
    async fn deliveries(&self) -> Vec<(PublishedEvent, &'static str)> {
        let subscriptions = worker::registry().subscriptions();
        let events = self.platform.all_published().await;
        let of_event = |event: &PublishedEvent| {
            let (event, reactions) = (event.clone(), subscriptions.iter());
            let reactions: Vec<_> = reactions.filter(|(name, _)| *name == event.name).collect();
            let pair = move |(_, reaction)| (event.clone(), reaction);
            reactions.into_iter().map(pair)
        };
        events.iter().flat_map(of_event).collect()
    }

    /// Everything that the database holds, but for the rows of the reactions themselves. What has happened may be said
    /// again: of events it counts what they say.
    async fn state(&self) -> BTreeMap<String, Vec<Value>> {
        let subscriptions = worker::registry().subscriptions();
        let reactions: BTreeSet<_> = subscriptions.iter().map(|(_, reaction)| reaction).collect();
        let mut dump = self.platform.dump().await;
        let jobs = dump.get_mut("platform.jobs").unwrap();
        jobs.retain(|job| !reactions.contains(job["kind"].as_str().unwrap()));
        let events = dump.get_mut("platform.events").unwrap();
        *events = events
            .iter()
            .map(|event| json!([event["name"], event["payload"]]))
            .collect();
        events.sort_by_key(ToString::to_string);
        events.dedup();
        dump
    }
}

#[tokio::test]
async fn every_reaction_may_come_twice_and_in_any_order() {
    let world = World::open().await;
    world.live().await;
    let deliveries = world.deliveries().await;
    for pair in worker::registry().subscriptions().iter() {
        let is_covered =
            |(event, reaction): &(PublishedEvent, _)| (&*event.name, *reaction) == pair;
        assert!(
            deliveries.iter().any(is_covered),
            "no life leads to {pair:?}"
        );
    }

    // Each of them, or the rows of the deliveries would show nothing.
    let told = world.endpoint.received();
    for kind in EventKind::ALL {
        let is_told = |message: &Received| message.json()["type"] == kind.as_str();
        assert!(told.iter().any(is_told), "nobody was told that {kind}");
    }

    let before = world.state().await;
    // A row that is written again, if only with what it holds, shows by its time.
    world.platform.clock.advance(TimeDelta::seconds(1));
    let entropy = Entropy::seeded(12);
    for _ in 0..2 {
        let mut shuffled = deliveries.clone();
        shuffled.sort_by_cached_key(|_| entropy.bytes::<8>());
        for (event, reaction) in shuffled {
            world.platform.deliver_again(&event, reaction).await;
            world.run_jobs().await;
        }
    }
    let after = world.state().await;
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );
    for (table, rows) in after {
        assert_eq!(before[&table], rows, "{table} has changed");
    }
    assert_eq!(world.endpoint.received().len(), told.len());
}
