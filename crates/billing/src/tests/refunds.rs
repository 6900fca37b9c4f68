use std::sync::Arc;

use kernel::{Currency, Money, OrderId};
use platform::jobs::JobError;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::refund::Refund;
use crate::{
    InvoiceIssued, InvoiceKind, PaymentPartlyRefunded, PaymentRefunded, RefundError, RefundReason,
    RefundStatus, RefundView, RequestRefund,
};

fn all_of(order: &OpenPayment) -> RequestRefund {
    RequestRefund {
        order_number: order.order_number.clone(),
        amount: None,
        reason: RefundReason::parse("Damaged").unwrap(),
    }
}

fn part_of(order: &OpenPayment, minor: i64) -> RequestRefund {
    RequestRefund {
        amount: Some(Money::new(minor, order.amount.currency())),
        ..all_of(order)
    }
}

async fn request(world: &World, order: &OpenPayment) -> RefundView {
    world.refund(world.staff(), all_of(order)).await.unwrap()
}

async fn send(world: &World, refund: &RefundView) -> JobResult {
    world
        .run(
            Billing::send_refund,
            SendRefund {
                refund_id: refund.id,
            },
        )
        .await
}

async fn stored(world: &World, refund: &RefundView) -> Refund {
    let mut connection = world.platform.db.acquire().await.unwrap();
    db::refunds::find(&mut connection, refund.id)
        .await
        .unwrap()
        .unwrap()
}

async fn invoice(world: &World, order: &OpenPayment) {
    let mut tx = world.platform.db.begin().await.unwrap();
    let issue = testing::the_invoice_of(order);
    world.issue_invoice_in_tx(&mut tx, issue).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_refund_gives_everything_back_once() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    invoice(&world, &order).await;
    let refund = request(&world, &order).await;
    assert_eq!(
        (refund.amount, refund.status),
        (order.amount, RefundStatus::Requested)
    );
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);

    send(&world, &refund).await.unwrap();
    send(&world, &refund).await.unwrap();
    let [call] = &world.provider.posts("/v1/refunds")[..] else {
        panic!("one call");
    };
    assert_eq!(call.headers["idempotency-key"], refund.id.to_string());
    assert_eq!(call.form["amount"], "4200");
    assert_eq!(call.form["payment_intent"], "pi_1");

    assert_eq!(
        stored(&world, &refund).await.status,
        RefundStatus::Succeeded
    );
    assert_eq!(world.status(&order).await, PaymentStatus::Refunded);
    assert_eq!(world.in_clearing().await, 0);
    let refunded = PaymentRefunded {
        payment_id: refund.payment_id,
        order_id: order.order_id,
        refund_id: refund.id,
        amount: order.amount,
    };
    assert_eq!(
        world.platform.published::<PaymentRefunded>().await,
        [refunded]
    );
    let papers = world.platform.published::<InvoiceIssued>().await;
    let papers: Vec<_> = papers
        .iter()
        .map(|it| (it.kind, it.number.as_str(), it.total))
        .collect();
    assert_eq!(
        papers,
        [
            (InvoiceKind::Invoice, "INV-2026-000001", order.amount),
            (InvoiceKind::CreditNote, "CN-2026-000001", order.amount),
        ]
    );
}

#[tokio::test]
async fn who_refunded_and_why_is_in_the_audit_log() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let staff = world.staff();
    let refund = world.refund(staff, all_of(&order)).await.unwrap();
    let mut connection = world.platform.db.acquire().await.unwrap();
    let entry = sqlx::query!("SELECT actor_id, action, subject_id, after FROM platform.audit_log")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(entry.actor_id, Some(staff.user_id().as_uuid()));
    assert_eq!(entry.action, "billing.refund");
    assert_eq!(entry.subject_id, refund.payment_id.to_string());
    assert_eq!(entry.after.unwrap()["reason"], "Damaged");
}

#[tokio::test]
async fn what_was_not_paid_cannot_be_refunded() {
    let world = World::start().await;
    let order = world.an_order();
    let result = world.refund(world.staff(), all_of(&order)).await;
    assert!(matches!(result, Err(RefundError::NotFound)));
    world.open(&order).await;
    let result = world.refund(world.staff(), all_of(&order)).await;
    assert!(matches!(
        result,
        Err(RefundError::NotRefundable(PaymentStatus::Opened))
    ));
}

#[tokio::test]
async fn refunds_at_once_never_exceed_what_was_paid() {
    let world = Arc::new(World::start().await);
    let order = world.a_paid_order().await;
    let mut attempts = JoinSet::new();
    for _ in 0..20 {
        let (world, all) = (Arc::clone(&world), all_of(&order));
        attempts.spawn(async move { world.refund(world.staff(), all).await });
    }
    let results = attempts.join_all().await;
    assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 1);
    assert_eq!(world.platform.jobs_of::<SendRefund>().await.len(), 1);
}

#[tokio::test]
async fn a_refund_that_takes_days_is_asked_about_until_it_ends() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let refund = request(&world, &order).await;
    world.provider.refunds_become("pending");
    assert!(matches!(
        send(&world, &refund).await,
        Err(JobError::Snooze(_))
    ));
    let provider_id = stored(&world, &refund).await.provider_refund_id.unwrap();
    assert_eq!(world.in_clearing().await, 4_200);

    world
        .provider
        .change(&provider_id, json!({ "status": "succeeded" }));
    send(&world, &refund).await.unwrap();
    assert_eq!(world.provider.posts("/v1/refunds").len(), 1);
    // Its webhook comes late.
    world.hear("evt_9", "refund.updated", &provider_id).await;
    assert_eq!(world.platform.published::<PaymentRefunded>().await.len(), 1);
    assert_eq!(world.in_clearing().await, 0);
}

#[tokio::test]
async fn a_refund_that_fails_leaves_the_money_booked_and_can_be_requested_again() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let refund = request(&world, &order).await;
    world.provider.refunds_become("failed");
    send(&world, &refund).await.unwrap();
    assert_eq!(stored(&world, &refund).await.status, RefundStatus::Failed);
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
    assert_eq!(world.in_clearing().await, 4_200);

    world.provider.refunds_become("succeeded");
    let again = request(&world, &order).await;
    send(&world, &again).await.unwrap();
    assert_eq!(world.status(&order).await, PaymentStatus::Refunded);
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_fails_and_one_that_it_misses_is_sent_again() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let refund = request(&world, &order).await;
    world.provider.answer_with(503, json!({}));
    assert!(matches!(
        send(&world, &refund).await,
        Err(JobError::Retry(_))
    ));
    assert_eq!(
        stored(&world, &refund).await.status,
        RefundStatus::Requested
    );

    let refusal = json!({ "error": { "code": "charge_already_refunded", "message": "no" } });
    world.provider.answer_with(400, refusal);
    send(&world, &refund).await.unwrap();
    let failure = stored(&world, &refund).await.failure.unwrap();
    assert!(failure.contains("charge_already_refunded"), "{failure}");
}

#[tokio::test]
async fn a_refund_made_elsewhere_changes_nothing() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let refund = request(&world, &order).await;
    world.provider.refunds_become("pending");
    assert!(send(&world, &refund).await.is_err());
    let provider_id = stored(&world, &refund).await.provider_refund_id.unwrap();
    for metadata in [
        json!(null),
        json!({ "refund_id": OrderId::from_uuid(order.order_id.as_uuid()) }),
    ] {
        let fields = json!({ "metadata": metadata, "status": "succeeded" });
        world.provider.change(&provider_id, fields);
        world.hear("evt_9", "refund.updated", &provider_id).await;
    }
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
}

#[tokio::test]
async fn a_refund_that_overtakes_its_invoice_is_credited_after_it() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let refund = request(&world, &order).await;
    send(&world, &refund).await.unwrap();
    assert!(world.platform.published::<InvoiceIssued>().await.is_empty());
    invoice(&world, &order).await;
    let kinds: Vec<_> = world
        .platform
        .published::<InvoiceIssued>()
        .await
        .iter()
        .map(|it| it.kind)
        .collect();
    assert_eq!(kinds, [InvoiceKind::Invoice, InvoiceKind::CreditNote]);
}

#[tokio::test]
async fn parts_go_back_one_by_one_and_the_last_of_them_ends_the_payment() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    invoice(&world, &order).await;
    let part = world.refund(world.staff(), part_of(&order, 1_000)).await;
    let part = part.unwrap();
    send(&world, &part).await.unwrap();
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
    assert_eq!(world.in_clearing().await, 3_200);
    let eur = |minor| Money::new(minor, Currency::Eur);
    let partly = PaymentPartlyRefunded {
        payment_id: part.payment_id,
        order_id: order.order_id,
        refund_id: part.id,
        amount: eur(1_000),
        returned: eur(1_000),
    };
    assert_eq!(
        world.platform.published::<PaymentPartlyRefunded>().await,
        [partly]
    );
    assert!(
        world
            .platform
            .published::<PaymentRefunded>()
            .await
            .is_empty()
    );

    let rest = request(&world, &order).await;
    assert_eq!(rest.amount, eur(3_200));
    send(&world, &rest).await.unwrap();
    assert_eq!(world.status(&order).await, PaymentStatus::Refunded);
    assert_eq!(world.in_clearing().await, 0);
    assert_eq!(world.platform.published::<PaymentRefunded>().await.len(), 1);
    let papers = world.platform.published::<InvoiceIssued>().await;
    let credited: Vec<_> = papers[1..]
        .iter()
        .map(|it| (it.number.as_str(), it.total))
        .collect();
    assert_eq!(
        credited,
        [
            ("CN-2026-000001", eur(1_000)),
            ("CN-2026-000002", eur(3_200))
        ]
    );
}

#[tokio::test]
async fn what_is_promised_cannot_be_promised_again() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let part = part_of(&order, 4_000);
    world.refund(world.staff(), part).await.unwrap();
    let usd = RequestRefund {
        amount: Some(Money::new(100, Currency::Usd)),
        ..all_of(&order)
    };
    for wrong in [
        part_of(&order, 201),
        part_of(&order, 0),
        part_of(&order, -1),
        usd,
    ] {
        let refused = world.refund(world.staff(), wrong.clone()).await;
        let expected = Money::new(200, Currency::Eur);
        assert!(
            matches!(refused, Err(RefundError::AmountOutOfRange { left }) if left == expected),
            "{wrong:?}: {refused:?}"
        );
    }
    assert_eq!(world.platform.jobs_of::<SendRefund>().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_tenths_at_once_ten_go_back() {
    let world = Arc::new(World::start().await);
    let order = world.a_paid_order().await;
    let mut attempts = JoinSet::new();
    for _ in 0..50 {
        let (world, tenth) = (Arc::clone(&world), part_of(&order, 420));
        attempts.spawn(async move { world.refund(world.staff(), tenth).await });
    }
    let results = attempts.join_all().await;
    let refunds: Vec<_> = results.into_iter().flatten().collect();
    assert_eq!(refunds.len(), 10);
    assert_eq!(world.platform.jobs_of::<SendRefund>().await.len(), 10);

    let mut sending = JoinSet::new();
    for refund in refunds {
        let world = Arc::clone(&world);
        sending.spawn(async move { send(&world, &refund).await.unwrap() });
    }
    sending.join_all().await;
    assert_eq!(world.status(&order).await, PaymentStatus::Refunded);
    assert_eq!(world.in_clearing().await, 0);
    assert_eq!(world.platform.published::<PaymentRefunded>().await.len(), 1);
}
