use chrono::TimeDelta;
use kernel::{Currency, Money};
use platform::jobs::JobError;
use serde_json::json;

use super::*;
use crate::{
    MismatchKind, PaymentPartlyRefunded, PaymentSucceeded, Reconcile, RefundReason, RequestRefund,
};

impl World {
    /// Runs what the hour brings, one hour later.
    pub(super) async fn reconcile_later(&self) {
        self.reconcile_after(TimeDelta::hours(1)).await;
    }

    pub(super) async fn reconcile_after(&self, time: TimeDelta) {
        self.let_pass(time);
        self.run(Billing::reconcile, Reconcile {}).await.unwrap();
    }

    pub(super) fn let_pass(&self, time: TimeDelta) {
        self.platform.clock.advance(time);
        self.provider.set_time(self.platform.clock.now());
    }

    /// What differs, and about what.
    pub(super) async fn mismatches(&self) -> Vec<(MismatchKind, String)> {
        let open = self.list_mismatches().await.unwrap();
        open.into_iter().map(|it| (it.kind, it.subject)).collect()
    }

    /// An order that was paid while the provider's webhooks got lost.
    pub(super) async fn an_order_paid_in_silence(&self) -> OpenPayment {
        let order = self.an_order();
        let session = self.check_out(&order).await;
        self.provider.pay(&session);
        order
    }

    /// Gives back a tenth of an order's payment; gives the provider's id.
    pub(super) async fn refund_a_tenth(&self, order: &OpenPayment) -> String {
        let request = RequestRefund {
            order_number: order.order_number.clone(),
            amount: Some(Money::new(420, Currency::Eur)),
            reason: RefundReason::parse("Damaged").unwrap(),
        };
        let refund_id = self.refund(self.staff(), request).await.unwrap().id;
        let sent = self
            .run(Billing::send_refund, SendRefund { refund_id })
            .await;
        assert!(matches!(sent, Ok(_) | Err(JobError::Snooze(_))));
        let mut connection = self.platform.db.acquire().await.unwrap();
        let refund = db::refunds::find(&mut connection, refund_id).await.unwrap();
        refund.unwrap().provider_refund_id.unwrap()
    }

    pub(super) fn calls_since(&self, number: usize) -> Vec<String> {
        let calls = self.provider.calls().into_iter().skip(number);
        calls.map(|call| call.line).collect()
    }
}

#[tokio::test]
async fn books_that_agree_cost_two_calls() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    world.refund_a_tenth(&order).await;
    for _ in 0..2 {
        let before = world.provider.calls().len();
        world.reconcile_later().await;
        let calls = world.calls_since(before);
        assert!(
            calls[0].starts_with("GET /v1/payment_intents?limit=100&"),
            "{calls:?}"
        );
        assert!(
            calls[1].starts_with("GET /v1/refunds?limit=100&"),
            "{calls:?}"
        );
        assert_eq!(calls.len(), 2);
    }
    assert_eq!(world.mismatches().await, []);
}

#[tokio::test]
async fn news_that_no_webhook_brought_are_taken_in_once() {
    let world = World::start().await;
    let order = world.an_order_paid_in_silence().await;
    for _ in 0..2 {
        world.let_pass(TimeDelta::minutes(20));
        world.run(Billing::reconcile, Reconcile {}).await.unwrap();
    }
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
    assert_eq!(
        world.platform.published::<PaymentSucceeded>().await.len(),
        1
    );

    world.provider.refunds_become("pending");
    let provider_id = world.refund_a_tenth(&order).await;
    world
        .provider
        .change(&provider_id, json!({ "status": "succeeded" }));
    world.reconcile_later().await;
    world.reconcile_later().await;
    let refunded = world.platform.published::<PaymentPartlyRefunded>().await;
    assert_eq!(refunded.len(), 1);
    assert_eq!(world.in_clearing().await, 4_200 - 420);
    assert_eq!(world.mismatches().await, []);
}

#[tokio::test]
async fn a_bank_debit_whose_news_was_lost_after_days_is_settled() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.provider.promise(&session);
    world.reconcile_later().await;
    world.let_pass(TimeDelta::days(3));
    world.run(Billing::reconcile, Reconcile {}).await.unwrap();
    assert_eq!(world.status(&order).await, PaymentStatus::Pending);

    // It stays listed under the day on which it was begun, and that has been compared.
    let intent = session.replace("cs_", "pi_");
    let arrived = json!({ "status": "succeeded", "amount_received": 4_200 });
    world.provider.change(&intent, arrived);
    world.reconcile_later().await;
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
}

#[tokio::test]
async fn an_overdue_session_that_the_provider_has_lost_holds_nothing_up() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.let_pass(TimeDelta::hours(2));
    world.provider.lose(&session);
    let paid = world.an_order_paid_in_silence().await;
    world.reconcile_later().await;
    assert_eq!(world.status(&paid).await, PaymentStatus::Succeeded);
}

#[tokio::test]
async fn what_has_only_just_happened_may_be_on_its_way() {
    let world = World::start().await;
    let order = world.an_order_paid_in_silence().await;
    let booked = world.a_paid_order().await;
    let lost = world.payment(&booked).await.intent_id.unwrap();
    world.provider.lose(&lost);
    world.reconcile_after(TimeDelta::minutes(9)).await;
    assert_eq!(world.status(&order).await, PaymentStatus::Pending);
    assert_eq!(world.mismatches().await, []);

    world.reconcile_after(TimeDelta::minutes(2)).await;
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
    let expected = (MismatchKind::NotCharged, lost);
    assert_eq!(world.mismatches().await, [expected]);
}

#[tokio::test]
async fn every_page_of_a_list_is_compared() {
    let world = World::start().await;
    world.provider.put_on_a_page(2);
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(world.an_order_paid_in_silence().await);
    }
    let before = world.provider.calls().len();
    world.reconcile_after(TimeDelta::minutes(11)).await;
    for order in &orders {
        assert_eq!(world.status(order).await, PaymentStatus::Succeeded);
    }
    let calls = world.calls_since(before);
    let pages = calls
        .iter()
        .filter(|line| line.contains("/payment_intents?"));
    assert_eq!(pages.count(), 3);
}

#[tokio::test]
async fn a_run_that_is_cut_off_is_continued_where_it_was() {
    let world = World::start().await;
    world.a_paid_order().await;
    world.let_pass(TimeDelta::days(3));
    let listed_from = |calls: &[String]| -> Vec<i64> {
        let froms = calls
            .iter()
            .filter_map(|line| line.split_once("created%5Bgte%5D="));
        froms
            .map(|(_, rest)| rest.split('&').next().unwrap().parse().unwrap())
            .collect()
    };
    // The two lists of the first day, and one of the second.
    world.provider.break_after(3);
    let before = world.provider.calls().len();
    let cut_off = world.run(Billing::reconcile, Reconcile {}).await;
    assert!(matches!(cut_off, Err(JobError::Retry(_))));
    let begun = listed_from(&world.calls_since(before));
    assert_eq!(begun.len(), 4);

    world.provider.recover();
    let before = world.provider.calls().len();
    world.run(Billing::reconcile, Reconcile {}).await.unwrap();
    let continued = listed_from(&world.calls_since(before));
    // From the end of the first day, less what is always looked back upon.
    assert_eq!(continued[0], begun[2] - 2 * 3_600);
    assert_eq!(continued.len(), 6);
}
