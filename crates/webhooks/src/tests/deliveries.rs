use chrono::TimeDelta;
use kernel::PageRequest;

use super::World;
use crate::testing::{Manner, Received};
use crate::{
    DeliveryStatus, EndpointStatus, EventKind, ListDeliveriesError, Outcome, PurgeDeliveries,
    RedeliverError, SendTestError,
};

#[tokio::test]
async fn an_event_arrives_signed_and_whole() {
    let world = World::open().await;
    let notice = world
        .webhooks
        .a_notice(world.endpoint.user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice.clone()).await;
    world.platform.clock.advance(TimeDelta::seconds(2));

    world.work().await;

    let [message] = &world.receiver.received()[..] else {
        panic!("one message")
    };
    assert_eq!(message.line, "POST /hooks HTTP/1.1");
    assert_eq!(message.headers["content-type"], "application/json");
    let id = format!("msg_{}", notice.event_id.as_uuid().simple());
    assert_eq!(message.headers["webhook-id"], id);
    let now = world.platform.clock.now();
    assert_eq!(
        message.headers["webhook-timestamp"],
        now.timestamp().to_string()
    );
    assert!(message.is_signed_with(&world.secret()));
    let expected = serde_json::json!({
        "id": id, "type": "order.paid", "version": 1, "created_at": "2026-01-05T12:00:00.000000Z",
        "data": { "number": 100_001 },
    });
    assert_eq!(message.json(), expected);
    let delivery = world.delivery().await;
    assert_eq!(delivery.status, DeliveryStatus::Delivered);
    assert_eq!(delivery.outcome, Some(Outcome::Answered(200)));
    assert_eq!((delivery.attempts, delivery.attempted_at), (1, Some(now)));
    assert!(world.waiting().await.is_empty());
}

/// What the libraries of Standard Webhooks check themselves with.
#[test]
fn the_receiver_of_these_tests_checks_signatures_as_the_specification_says() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let signed = |body: &str| Received {
        line: String::new(),
        headers: [
            header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            header("webhook-timestamp", "1614265330"),
            header(
                "webhook-signature",
                "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ]
        .into(),
        body: body.to_owned(),
    };
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert!(signed(r#"{"test": 2432232314}"#).is_signed_with(secret));
    assert!(!signed(r#"{"test": 2432232315}"#).is_signed_with(secret));
}

#[tokio::test]
async fn telling_twice_delivers_once() {
    let world = World::open().await;
    let notice = world
        .webhooks
        .a_notice(world.endpoint.user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice.clone()).await;
    world.webhooks.notify(notice.clone()).await;
    assert_eq!(world.waiting().await.len(), 1);
    world.work().await;
    world.webhooks.notify(notice).await;
    assert!(world.waiting().await.is_empty());
    assert_eq!(world.receiver.received().len(), 1);
}

#[tokio::test]
async fn a_job_that_runs_again_delivers_nothing_more() {
    let world = World::open().await;
    let notice = world
        .webhooks
        .a_notice(world.endpoint.user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice).await;
    let job = world.waiting().await.pop().unwrap();
    world.work().await;
    let deliver = async |run, job| world.webhooks.clone().deliver(run, job).await;
    world.platform.run_job(deliver, job).await.unwrap();
    assert_eq!(world.receiver.received().len(), 1);
    assert_eq!(world.delivery().await.attempts, 1);
}

#[tokio::test]
async fn two_secrets_sign_for_a_day() {
    let world = World::open().await;
    let (user_id, id) = (world.endpoint.user_id, world.endpoint.id);
    let old = world.secret();
    let rotated = world.webhooks.rotate_secret(user_id, id).await.unwrap();
    let new = world.webhooks.secret_of(&rotated).reveal();
    assert_ne!(old, new);

    for (by_old, later) in [(true, TimeDelta::zero()), (false, TimeDelta::days(1))] {
        world.platform.clock.advance(later);
        let notice = world.webhooks.a_notice(user_id, EventKind::OrderPaid);
        world.webhooks.notify(notice).await;
        world.work().await;
        let message = world.receiver.received().pop().unwrap();
        assert!(message.is_signed_with(&new));
        assert_eq!(message.is_signed_with(&old), by_old);
    }
}

#[tokio::test]
async fn a_test_is_sent_once_and_says_nothing_about_the_endpoint() {
    let world = World::open().await;
    let (user_id, id) = (world.endpoint.user_id, world.endpoint.id);
    world.webhooks.pause(user_id, id).await.unwrap();
    world.receiver.behave(Manner::Answer(500, ""));
    world.webhooks.send_test(user_id, id).await.unwrap();
    let again = world.webhooks.send_test(user_id, id).await;
    assert!(matches!(again, Err(SendTestError::OnItsWay)));

    world.work().await;

    let message = world.receiver.received().pop().unwrap();
    assert_eq!(message.json()["type"], "webhook.test");
    assert!(message.is_signed_with(&world.secret()));
    assert_eq!(world.delivery().await.status, DeliveryStatus::Failed);
    assert!(world.waiting().await.is_empty());

    world.webhooks.enable(user_id, id).await.unwrap();
    world.receiver.behave(Manner::Answer(410, ""));
    world.webhooks.send_test(user_id, id).await.unwrap();
    world.work().await;
    let standing = world.standing().await;
    assert_eq!(standing.status, EndpointStatus::Enabled);
    assert_eq!(standing.failing_since, None);
}

#[tokio::test]
async fn what_was_delivered_can_be_sent_once_more_under_the_same_id() {
    let world = World::open().await;
    let (user_id, id) = (world.endpoint.user_id, world.endpoint.id);
    let notice = world.webhooks.a_notice(user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice).await;
    let delivery = world.delivery().await;
    let redeliver = async || world.webhooks.redeliver(user_id, id, delivery.id).await;
    assert!(matches!(redeliver().await, Err(RedeliverError::OnItsWay)));
    world.work().await;

    world.receiver.behave(Manner::Answer(500, ""));
    redeliver().await.unwrap();
    world.work().await;

    let [first, second] = &world.receiver.received()[..] else {
        panic!("two messages")
    };
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_eq!(first.body, second.body);
    let delivery = world.delivery().await;
    assert_eq!(
        (delivery.status, delivery.attempts),
        (DeliveryStatus::Failed, 2)
    );
    assert!(world.waiting().await.is_empty(), "once by hand, once sent");

    world.webhooks.pause(user_id, id).await.unwrap();
    assert!(matches!(redeliver().await, Err(RedeliverError::Disabled)));
    let stranger = world.webhooks.a_user();
    let theirs = world.webhooks.redeliver(stranger, id, delivery.id).await;
    assert!(matches!(theirs, Err(RedeliverError::NotFound)));
}

#[tokio::test]
async fn an_endpoint_that_was_removed_or_switched_off_is_sent_nothing_more() {
    let world = World::open().await;
    let (user_id, id) = (world.endpoint.user_id, world.endpoint.id);
    let notice = || world.webhooks.a_notice(user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice()).await;
    world.webhooks.pause(user_id, id).await.unwrap();
    world.work().await;
    let delivery = world.delivery().await;
    assert_eq!(delivery.outcome, Some(Outcome::EndpointDisabled));
    assert_eq!(delivery.status, DeliveryStatus::Failed);
    world.webhooks.notify(notice()).await;
    assert!(world.waiting().await.is_empty(), "it is not even stored");

    world.webhooks.enable(user_id, id).await.unwrap();
    world.webhooks.notify(notice()).await;
    world.webhooks.remove(user_id, id).await.unwrap();
    world.work().await;
    assert!(world.receiver.received().is_empty());
}

#[tokio::test]
async fn the_list_of_what_was_sent_goes_on_where_its_cursor_says() {
    let world = World::open().await;
    let (user_id, id) = (world.endpoint.user_id, world.endpoint.id);
    for _ in 0..3 {
        world.platform.clock.advance(TimeDelta::seconds(1));
        let notice = world.webhooks.a_notice(user_id, EventKind::OrderPlaced);
        world.webhooks.notify(notice).await;
    }
    let size = kernel::PageSize::clamped(2);
    let list = async |after| {
        let page = PageRequest { after, size };
        world
            .webhooks
            .list_deliveries(user_id, id, &page)
            .await
            .unwrap()
    };
    let first = list(None).await;
    let rest = list(first.next.clone()).await;
    let ids = first.items.iter().chain(&rest.items);
    let ids: Vec<_> = ids.map(|delivery| delivery.id).collect();
    assert!(ids.len() == 3 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    let stranger = world.webhooks.a_user();
    let page = PageRequest::default();
    let theirs = world.webhooks.list_deliveries(stranger, id, &page).await;
    assert!(matches!(theirs, Err(ListDeliveriesError::NotFound)));
}

#[tokio::test]
async fn what_was_sent_is_forgotten_after_a_month() {
    let world = World::open().await;
    let user_id = world.endpoint.user_id;
    let notice = || world.webhooks.a_notice(user_id, EventKind::OrderPlaced);
    world.webhooks.notify(notice()).await;
    let old = world.delivery().await;
    world
        .platform
        .clock
        .advance(TimeDelta::days(30) + TimeDelta::seconds(1));
    world.webhooks.notify(notice()).await;

    let purge = async |run, job| world.webhooks.clone().purge_deliveries(run, job).await;
    world
        .platform
        .run_job(purge, PurgeDeliveries {})
        .await
        .unwrap();

    let left = world
        .platform
        .dump()
        .await
        .remove("webhooks.deliveries")
        .unwrap();
    assert_eq!(left.len(), 1);
    assert_ne!(left[0]["id"], old.id.to_string());
}
