use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use kernel::UserId;
use platform::testing::start_of_time;
use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::{CheckPayment, CheckPaymentError, Checkout, PaymentSucceeded, StartCheckoutError};

#[tokio::test]
async fn the_provider_is_asked_for_a_hosted_page() {
    let world = World::start().await;
    let order = world.an_order();
    let checkout = world
        .start_checkout(order.clone(), return_urls())
        .await
        .unwrap();
    assert_eq!(
        checkout,
        Checkout {
            url: "https://pay.example/cs_1".to_owned()
        }
    );

    let [call] = &world.provider.posts("/v1/checkout/sessions")[..] else {
        panic!("one session");
    };
    let payment = world.payment(&order).await;
    assert_eq!(payment.status, PaymentStatus::Pending);
    assert_eq!(call.headers["authorization"], "Bearer sk_test_stub");
    assert_eq!(call.headers["idempotency-key"], format!("{}-1", payment.id));
    assert_eq!(call.headers["stripe-version"], "2024-06-20");
    let expected = [
        ("mode", "payment".to_owned()),
        ("client_reference_id", order.order_number.clone()),
        ("line_items[0][quantity]", "1".to_owned()),
        ("line_items[0][price_data][currency]", "eur".to_owned()),
        ("line_items[0][price_data][unit_amount]", "4200".to_owned()),
        (
            "line_items[0][price_data][product_data][name]",
            format!("Order {}", order.order_number),
        ),
        ("metadata[payment_id]", payment.id.to_string()),
        (
            "payment_intent_data[metadata][payment_id]",
            payment.id.to_string(),
        ),
        ("success_url", return_urls().success.to_string()),
        ("cancel_url", return_urls().cancel.to_string()),
        (
            "expires_at",
            (start_of_time().timestamp() + 3_600).to_string(),
        ),
    ];
    let expected = expected
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    assert_eq!(call.form, expected.collect());
}

#[tokio::test]
async fn a_live_session_is_reused_and_checked_on_later_once() {
    let world = World::start().await;
    let order = world.an_order();
    assert_eq!(world.check_out(&order).await, world.check_out(&order).await);
    assert_eq!(world.provider.posts("/v1/checkout/sessions").len(), 1);
    let payment_id = world.payment(&order).await.id;
    let check = CheckPayment { payment_id };
    assert_eq!(
        world.platform.jobs_of::<CheckPayment>().await,
        [check.clone(), check]
    );
}

#[tokio::test]
async fn two_clicks_open_one_session() {
    let world = World::start().await;
    let order = world.an_order();
    let (one, two) = tokio::join!(world.check_out(&order), world.check_out(&order));
    assert_eq!(one, two);
    let calls = world.provider.posts("/v1/checkout/sessions");
    let keys: BTreeSet<_> = calls
        .iter()
        .map(|call| &call.headers["idempotency-key"])
        .collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(world.platform.jobs_of::<CheckPayment>().await.len(), 2);
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_repeated_word_for_word() {
    let world = World::start().await;
    let order = world.an_order();
    world.provider.answer_with(500, json!({}));
    let lost = world.start_checkout(order.clone(), return_urls()).await;
    assert!(matches!(
        lost,
        Err(StartCheckoutError::ProviderUnavailable(_))
    ));
    // What was to be done is saved although it failed.
    assert_eq!(world.status(&order).await, PaymentStatus::Opened);

    world.provider.recover();
    world.platform.clock.advance(TimeDelta::minutes(10));
    world.check_out(&order).await;
    let [lost, repeated] = &world.provider.posts("/v1/checkout/sessions")[..] else {
        panic!("two calls");
    };
    assert_eq!(
        lost.headers["idempotency-key"],
        repeated.headers["idempotency-key"]
    );
    assert_eq!(lost.form, repeated.form);
}

#[tokio::test]
async fn what_the_provider_says_tells_whether_to_try_again() {
    let world = World::start().await;
    for (status, again) in [
        (400, false),
        (402, false),
        (401, true),
        (409, true),
        (429, true),
        (503, true),
    ] {
        let message = json!({ "error": { "type": "any", "message": "no" } });
        world.provider.answer_with(status, message);
        let result = world.start_checkout(world.an_order(), return_urls()).await;
        let error = result.unwrap_err();
        let unavailable = matches!(error, StartCheckoutError::ProviderUnavailable(_));
        assert_eq!(unavailable, again, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn a_page_that_is_no_web_address_is_not_shown() {
    let world = World::start().await;
    let session = json!({ "id": "cs_1", "url": "javascript:alert(1)", "payment_status": "unpaid" });
    world.provider.answer_with(200, session);
    let result = world.start_checkout(world.an_order(), return_urls()).await;
    assert!(matches!(
        result,
        Err(StartCheckoutError::ProviderUnavailable(_))
    ));
}

#[tokio::test]
async fn an_expired_session_is_replaced_once_the_provider_says_so() {
    let world = World::start().await;
    let order = world.an_order();
    let first = world.check_out(&order).await;
    world.platform.clock.advance(TimeDelta::minutes(61));
    // The provider's clock is behind ours: the page is still open there.
    assert_eq!(world.check_out(&order).await, first);

    world.provider.expire(&first);
    let second = world.check_out(&order).await;
    assert_ne!(second, first);
    let calls = world.provider.posts("/v1/checkout/sessions");
    assert!(calls[1].headers["idempotency-key"].ends_with("-2"));
}

#[tokio::test]
async fn a_session_that_was_paid_in_its_last_moment_is_not_replaced() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.provider.pay(&session);
    world.platform.clock.advance(TimeDelta::minutes(61));
    let result = world.start_checkout(order.clone(), return_urls()).await;
    assert!(matches!(
        result,
        Err(StartCheckoutError::NotPayable(PaymentStatus::Succeeded))
    ));
    assert_eq!(
        world.platform.published::<PaymentSucceeded>().await.len(),
        1
    );
}

#[tokio::test]
async fn anothers_payment_is_not_found() {
    let world = World::start().await;
    let order = world.an_order();
    world.open(&order).await;
    let stranger = UserId::generate(&world.platform.clock, &world.platform.entropy);
    let theirs = OpenPayment {
        user_id: stranger,
        ..order.clone()
    };
    let result = world.start_checkout(theirs, return_urls()).await;
    assert!(matches!(result, Err(StartCheckoutError::NotFound)));
    assert!(
        world
            .payment_of_order(stranger, order.order_id)
            .await
            .unwrap()
            .is_none()
    );
    assert!(world.provider.calls().is_empty());
}

#[tokio::test]
async fn an_order_has_one_payment_however_often_it_is_opened() {
    let world = World::start().await;
    let order = world.an_order();
    world.open(&order).await;
    let first = world.payment(&order).await;
    world.open(&order).await;
    assert_eq!(world.payment(&order).await, first);
    let view = world
        .payment_of_order(order.user_id, order.order_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (view.id, view.amount, view.status),
        (first.id, order.amount, PaymentStatus::Opened)
    );
}

/// PostgreSQL looks for a conflict in the named index alone before it inserts. Whoever comes second between the look and
/// the insertion must not be stopped by the unique order number instead.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_many_open_at_once_has_one_payment() {
    let world = Arc::new(World::start().await);
    for _ in 0..100 {
        let order = world.an_order();
        let mut opening = JoinSet::new();
        for _ in 0..5 {
            let (world, order) = (Arc::clone(&world), order.clone());
            opening.spawn(async move { world.open(&order).await });
        }
        opening.join_all().await;
        assert_eq!(world.status(&order).await, PaymentStatus::Opened);
    }
}

#[tokio::test]
async fn the_number_of_another_order_opens_no_payment() {
    let world = World::start().await;
    let order = world.an_order();
    world.open(&order).await;
    let impostor = OpenPayment {
        order_number: order.order_number.clone(),
        ..world.an_order()
    };
    let mut tx = world.platform.db.begin().await.unwrap();
    let refused = world.open_payment_in_tx(&mut tx, impostor.clone()).await;
    assert!(refused.is_err());
    drop(tx);
    let result = world.start_checkout(impostor, return_urls()).await;
    assert!(matches!(result, Err(StartCheckoutError::Unexpected(_))));
    assert!(world.provider.calls().is_empty());
}

#[tokio::test]
async fn a_late_webhook_is_not_waited_for() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    let id = world.payment(&order).await.id;
    assert_eq!(
        world.check_payment(id).await.unwrap(),
        PaymentStatus::Pending
    );
    world.provider.pay(&session);
    assert_eq!(
        world.check_payment(id).await.unwrap(),
        PaymentStatus::Succeeded
    );
    // The webhook comes after all.
    world
        .hear("evt_1", "checkout.session.completed", &session)
        .await;
    assert_eq!(
        world.platform.published::<PaymentSucceeded>().await.len(),
        1
    );
    assert_eq!(world.in_clearing().await, 4_200);
}

#[tokio::test]
async fn the_job_that_checks_tries_again_while_the_provider_is_away() {
    let world = World::start().await;
    let order = world.an_order();
    world.check_out(&order).await;
    let check = CheckPayment {
        payment_id: world.payment(&order).await.id,
    };
    world.provider.answer_with(503, json!({}));
    let result = world.run(Billing::check_payment_later, check.clone()).await;
    assert!(matches!(result, Err(platform::jobs::JobError::Retry(_))));
    world.provider.recover();
    world
        .run(Billing::check_payment_later, check)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unknown_payment_cannot_be_checked() {
    let world = World::start().await;
    let unknown = kernel::PaymentId::generate(&world.platform.clock, &world.platform.entropy);
    assert!(matches!(
        world.check_payment(unknown).await,
        Err(CheckPaymentError::NotFound)
    ));
}

#[tokio::test]
async fn the_page_of_a_cancelled_order_is_closed() {
    let world = World::start().await;
    let order = world.an_order();
    let session_id = world.check_out(&order).await;
    world.abandon(&order).await;
    assert_eq!(world.status(&order).await, PaymentStatus::Abandoned);
    let close = ExpireSession { session_id };
    assert_eq!(
        world.platform.jobs_of::<ExpireSession>().await,
        std::slice::from_ref(&close)
    );
    world.run(Billing::expire_session, close).await.unwrap();

    let result = world.start_checkout(order.clone(), return_urls()).await;
    assert!(matches!(
        result,
        Err(StartCheckoutError::NotPayable(PaymentStatus::Abandoned))
    ));
    assert_eq!(world.status(&order).await, PaymentStatus::Abandoned);
}

#[tokio::test]
async fn money_that_came_while_the_order_was_cancelled_is_booked_and_goes_back() {
    let world = World::start().await;
    let order = world.an_order();
    let session_id = world.check_out(&order).await;
    world.provider.pay(&session_id);
    world.abandon(&order).await;
    world
        .run(Billing::expire_session, ExpireSession { session_id })
        .await
        .unwrap();
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
    assert_eq!(world.in_clearing().await, 4_200);

    // The order turns the payment down.
    let payment_id = world.payment(&order).await.id;
    for _ in 0..2 {
        let mut tx = world.platform.db.begin().await.unwrap();
        world
            .refund_rejected_payment_in_tx(&mut tx, payment_id)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let [refund] = &world.platform.jobs_of::<SendRefund>().await[..] else {
        panic!("one refund");
    };
    world
        .run(Billing::send_refund, refund.clone())
        .await
        .unwrap();
    assert_eq!(world.status(&order).await, PaymentStatus::Refunded);
    assert_eq!(world.in_clearing().await, 0);
}

#[tokio::test]
async fn an_order_that_was_never_opened_can_be_abandoned() {
    let world = World::start().await;
    world.abandon(&world.an_order()).await;
    assert!(world.platform.jobs_waiting().await.is_empty());
}
