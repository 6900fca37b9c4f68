use std::sync::Arc;

use chrono::TimeDelta;
use platform::jobs::JobError;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::task::JoinSet;

use super::*;
use crate::{DeleteOldWebhookEvents, PaymentSucceeded};

async fn events_filed(world: &World) -> i64 {
    let mut connection = world.platform.db.acquire().await.unwrap();
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM billing.webhook_events"#)
        .fetch_one(&mut *connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_event_and_its_job_are_filed_once() {
    let world = World::start().await;
    for _ in 0..3 {
        world
            .receive("evt_1", "checkout.session.completed", "cs_1")
            .await
            .unwrap();
    }
    assert_eq!(events_filed(&world).await, 1);
    let job = ProcessWebhook {
        event_id: "evt_1".to_owned(),
        kind: "checkout.session.completed".to_owned(),
        object_id: "cs_1".to_owned(),
    };
    assert_eq!(world.platform.jobs_of::<ProcessWebhook>().await, [job]);
}

#[tokio::test]
async fn copies_that_arrive_at_once_are_filed_once() {
    let world = World::start().await;
    let receive = || world.receive("evt_1", "checkout.session.completed", "cs_1");
    let (one, two, three) = tokio::join!(receive(), receive(), receive());
    assert!(one.and(two).and(three).is_ok());
    assert_eq!(world.platform.jobs_of::<ProcessWebhook>().await.len(), 1);
}

#[tokio::test]
async fn an_event_is_not_acknowledged_unless_its_job_is_filed_with_it() {
    let world = World::start().await;
    let url = world.platform.database().superuser_url();
    let mut saboteur = PgConnection::connect(url.as_str()).await.unwrap();
    let refuse = "ALTER TABLE platform.jobs ADD CONSTRAINT planted CHECK (kind <> 'billing.process_webhook')";
    saboteur.execute(refuse).await.unwrap();
    let receive = || world.receive("evt_1", "checkout.session.completed", "cs_1");
    let result = receive().await;
    assert!(matches!(result, Err(ReceiveWebhookError::Unexpected(_))));
    assert_eq!(events_filed(&world).await, 0);

    // So the provider's repetition is not taken for one.
    let relent = "ALTER TABLE platform.jobs DROP CONSTRAINT planted";
    saboteur.execute(relent).await.unwrap();
    receive().await.unwrap();
    assert_eq!(events_filed(&world).await, 1);
    assert_eq!(world.platform.jobs_of::<ProcessWebhook>().await.len(), 1);
}

#[tokio::test]
async fn an_event_about_what_the_provider_does_not_know_is_done_with() {
    let world = World::start().await;
    let objects = [
        ("checkout.session.completed", "cs_gone"),
        ("payment_intent.succeeded", "pi_gone"),
        ("refund.updated", "re_gone"),
    ];
    for (kind, object_id) in objects {
        world.hear("evt_1", kind, object_id).await;
    }
    assert_eq!(world.provider.calls().len(), 3);
    assert_eq!(world.in_clearing().await, 0);
}

#[tokio::test]
async fn a_forged_or_stale_webhook_leaves_no_trace() {
    let world = World::start().await;
    let body = event("evt_1", "checkout.session.completed", "cs_1");
    let now = world.platform.clock.now();
    let forged = testing::sign_webhook(&"whsec_other".into(), &body, now);
    let old = now - TimeDelta::seconds(301);
    let stale = testing::sign_webhook(&testing::WEBHOOK_SECRET.into(), &body, old);
    for signature in [forged.as_str(), stale.as_str(), "", "t=1,v1=00"] {
        let result = world.receive_webhook(&body, signature).await;
        assert!(
            matches!(result, Err(ReceiveWebhookError::InvalidSignature(_))),
            "{signature}"
        );
    }
    assert_eq!(events_filed(&world).await, 0);
    assert!(world.platform.jobs_waiting().await.is_empty());
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_refused() {
    let world = World::start().await;
    let long = vec![b' '; 64 * 1024 + 1];
    for (body, too_long) in [
        (&b"{}"[..], false),
        (b"\xff", false),
        (b"", false),
        (&long, true),
    ] {
        let error = world.receive_signed(body).await.unwrap_err();
        assert_eq!(matches!(error, ReceiveWebhookError::TooLong), too_long);
        assert!(too_long || matches!(error, ReceiveWebhookError::Malformed));
    }
    assert_eq!(events_filed(&world).await, 0);
}

#[tokio::test]
async fn an_event_whose_ids_are_none_is_refused_although_it_is_signed() {
    let world = World::start().await;
    let (long, kind) = ("a".repeat(256), "checkout.session.completed");
    for (id, kind, object_id) in [
        ("", kind, "cs_1"),
        ("evt\0", kind, "cs_1"),
        ("evt 1", kind, "cs_1"),
        ("évt", kind, "cs_1"),
        (&long, kind, "cs_1"),
        ("evt_1", "x\0", "cs_1"),
        ("evt_1", "", "cs_1"),
        ("evt_1", &long, "cs_1"),
        ("evt_1", kind, "\0"),
        ("evt_1", kind, ""),
        ("evt_1", kind, "."),
        ("evt_1", kind, ".."),
        ("evt_1", kind, "../refunds"),
        ("evt_1", kind, &long),
    ] {
        let result = world.receive(id, kind, object_id).await;
        assert!(
            matches!(result, Err(ReceiveWebhookError::Malformed)),
            "{id:?} {kind:?} {object_id:?}: {result:?}"
        );
    }
    assert_eq!(events_filed(&world).await, 0);
    assert!(world.platform.jobs_waiting().await.is_empty());
    world.receive(&long[1..], kind, &long[1..]).await.unwrap();
}

#[tokio::test]
async fn a_webhook_that_is_about_something_else_is_filed_and_forgotten() {
    let world = World::start().await;
    let body = br#"{ "id": "evt_1", "type": "balance.available", "data": { "object": {} } }"#;
    world.receive_signed(body).await.unwrap();
    world.hear("evt_1", "balance.available", "").await;
    assert!(world.provider.calls().is_empty());
}

#[tokio::test]
async fn any_order_of_any_copies_ends_in_one_payment() {
    // What a customer causes whose first card is declined, with copies, in every rotation.
    let kinds = [
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "checkout.session.completed",
        "payment_intent.succeeded",
    ];
    for first in 0..kinds.len() {
        let world = World::start().await;
        let order = world.an_order();
        let session = world.check_out(&order).await;
        world.provider.pay(&session);
        let intent = session.replace("cs_", "pi_");
        for place in 0..kinds.len() {
            let kind = kinds[(first + place) % kinds.len()];
            let object = if kind.starts_with("checkout") {
                &session
            } else {
                &intent
            };
            world.hear(&format!("evt_{place}"), kind, object).await;
        }
        let payment = world.payment(&order).await;
        assert_eq!(payment.status, PaymentStatus::Succeeded);
        let succeeded = PaymentSucceeded {
            payment_id: payment.id,
            order_id: order.order_id,
            amount: order.amount,
            paid_at: world.platform.clock.now(),
        };
        assert_eq!(
            world.platform.published::<PaymentSucceeded>().await,
            [succeeded]
        );
        assert_eq!(world.in_clearing().await, 4_200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_are_worked_on_at_once_settle_a_payment_once() {
    let world = Arc::new(World::start().await);
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.provider.pay(&session);
    let mut hearing = JoinSet::new();
    for number in 0..8 {
        let (world, session) = (Arc::clone(&world), session.clone());
        hearing.spawn(async move {
            let id = format!("evt_{number}");
            world
                .hear(&id, "checkout.session.completed", &session)
                .await;
        });
    }
    hearing.join_all().await;
    assert_eq!(
        world.platform.published::<PaymentSucceeded>().await.len(),
        1
    );
    assert_eq!(world.in_clearing().await, 4_200);
}

#[tokio::test]
async fn what_an_event_claims_is_not_believed() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    // The event says "paid", as every event of these tests does. The provider, asked again, does not.
    world
        .hear("evt_1", "checkout.session.completed", &session)
        .await;
    assert_eq!(world.status(&order).await, PaymentStatus::Pending);
    assert!(
        world
            .platform
            .published::<PaymentSucceeded>()
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn the_wrong_amount_or_currency_fails_the_payment() {
    for (minor, currency) in [(1, "eur"), (4_200, "usd"), (4_200, "isk")] {
        let world = World::start().await;
        let order = world.an_order();
        let session = world.check_out(&order).await;
        world.provider.pay_amount(&session, minor, currency);
        world
            .hear("evt_1", "checkout.session.completed", &session)
            .await;
        let payment = world.payment(&order).await;
        assert_eq!(payment.status, PaymentStatus::Failed);
        assert!(payment.failure.unwrap().contains(currency));
        assert!(
            world
                .platform
                .published::<PaymentSucceeded>()
                .await
                .is_empty()
        );
        assert_eq!(world.in_clearing().await, 0);
    }
}

#[tokio::test]
async fn money_that_takes_days_is_waited_for() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.provider.promise(&session);
    world
        .hear("evt_1", "checkout.session.completed", &session)
        .await;
    assert_eq!(world.status(&order).await, PaymentStatus::Pending);
    world
        .provider
        .settle_intent(&session, "succeeded", 4_200, "eur");
    world
        .hear(
            "evt_2",
            "checkout.session.async_payment_succeeded",
            &session,
        )
        .await;
    assert_eq!(world.status(&order).await, PaymentStatus::Succeeded);
}

#[tokio::test]
async fn money_that_does_not_come_after_days_makes_room_for_another_attempt() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.provider.promise(&session);
    world
        .provider
        .settle_intent(&session, "requires_payment_method", 0, "eur");
    world
        .hear("evt_1", "checkout.session.async_payment_failed", &session)
        .await;
    assert_eq!(world.status(&order).await, PaymentStatus::Opened);
    assert_ne!(world.check_out(&order).await, session);
}

#[tokio::test]
async fn an_expired_session_makes_room_for_another() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.provider.expire(&session);
    world
        .hear("evt_1", "checkout.session.expired", &session)
        .await;
    assert_eq!(world.status(&order).await, PaymentStatus::Opened);
}

#[tokio::test]
async fn news_of_strangers_payments_change_nothing() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    for metadata in [
        json!(null),
        json!({}),
        json!({ "payment_id": "theirs" }),
        json!({ "payment_id": order.order_id }),
    ] {
        world.provider.pay(&session);
        world
            .provider
            .change(&session, json!({ "metadata": metadata }));
        world
            .hear("evt_1", "checkout.session.completed", &session)
            .await;
    }
    world
        .hear("evt_2", "checkout.session.completed", "cs_unknown")
        .await;
    assert_eq!(world.status(&order).await, PaymentStatus::Pending);
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_again() {
    let world = World::start().await;
    for (status, body) in [(500, json!({})), (200, json!("not a session"))] {
        world.provider.answer_with(status, body);
        let job = ProcessWebhook {
            event_id: "evt_1".to_owned(),
            kind: "checkout.session.completed".to_owned(),
            object_id: "cs_1".to_owned(),
        };
        let result = world.run(Billing::process_webhook, job).await;
        assert!(matches!(result, Err(JobError::Retry(_))), "{status}");
    }
}

#[tokio::test]
async fn an_id_from_outside_leads_to_no_other_endpoint() {
    let world = World::start().await;
    world
        .hear("evt_1", "checkout.session.completed", "../../refunds?x=y#z")
        .await;
    let [call] = &world.provider.calls()[..] else {
        panic!("one call");
    };
    assert_eq!(
        call.line,
        "GET /v1/checkout/sessions/..%2F..%2Frefunds%3Fx=y%23z"
    );
    for nothing in ["", ".", ".."] {
        world
            .hear("evt_2", "checkout.session.completed", nothing)
            .await;
    }
    assert_eq!(world.provider.calls().len(), 1);
}

#[tokio::test]
async fn events_are_deleted_after_thirty_days() {
    let world = World::start().await;
    let mut tx = world.platform.db.begin().await.unwrap();
    let born = world.platform.clock.now();
    for number in 0..1_500 {
        db::webhook_events::insert(&mut tx, &format!("evt_{number}"), "x", "{}", born)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let delete = || {
        world.run(
            Billing::delete_old_webhook_events,
            DeleteOldWebhookEvents {},
        )
    };

    world.platform.clock.advance(TimeDelta::days(30));
    delete().await.unwrap();
    assert_eq!(events_filed(&world).await, 1_500);
    world.platform.clock.advance(TimeDelta::seconds(1));
    delete().await.unwrap();
    assert_eq!(events_filed(&world).await, 0);
}
