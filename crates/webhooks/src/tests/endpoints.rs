use chrono::TimeDelta;
use kernel::{DeliveryId, EndpointId};
use uuid::Uuid;

use super::World;
use crate::{
    ChangeStatusError, Description, EndpointStatus, EventKind, GetEndpointError, MAX_ENDPOINTS,
    RedeliverError, Register, RegisterError, RemoveError, RotateSecretError, SendTestError,
    Subscription,
};

#[tokio::test]
async fn an_endpoint_is_kept_as_it_was_registered() {
    let world = World::open().await;
    let user_id = world.webhooks.a_user();
    let command = Register {
        url: "https://hooks.example/a?b=c".to_owned(),
        description: Description::parse("Ledger").unwrap(),
        events: Subscription::to([EventKind::InvoiceIssued, EventKind::OrderPaid]),
    };
    let registered = world.webhooks.register(user_id, command).await.unwrap();
    assert_eq!(registered.status, EndpointStatus::Enabled);
    let kept = world.webhooks.get(user_id, registered.id).await.unwrap();
    assert_eq!(kept, registered);
    assert_eq!(world.webhooks.list(user_id).await.unwrap(), [registered]);
}

#[tokio::test]
async fn an_endpoint_is_told_what_it_asks_for_and_what_concerns_its_owner() {
    let world = World::open().await;
    let ann = world.webhooks.a_user();
    let command = Register {
        url: world.receiver.url.clone(),
        description: Description::default(),
        events: Subscription::to([EventKind::OrderPaid]),
    };
    world.webhooks.register(ann, command).await.unwrap();
    for (user_id, kind, told) in [
        (ann, EventKind::OrderPlaced, 0),
        (world.webhooks.a_user(), EventKind::OrderPaid, 0),
        (ann, EventKind::OrderPaid, 1),
    ] {
        let notice = world.webhooks.a_notice(user_id, kind);
        world.webhooks.notify(notice).await;
        assert_eq!(world.waiting().await.len(), told, "{kind}");
    }
}

#[tokio::test]
async fn nobody_has_more_endpoints_than_the_limit_however_they_hurry() {
    let world = World::open().await;
    let user_id = world.webhooks.a_user();
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..MAX_ENDPOINTS + 5 {
        let webhooks = world.webhooks.clone();
        racing.spawn(async move {
            let command = Register {
                url: format!("https://hooks.example/{number}"),
                description: Description::default(),
                events: Subscription::All,
            };
            webhooks.register(user_id, command).await
        });
    }
    let refused = racing.join_all().await.into_iter().filter_map(Result::err);
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 5);
    assert!(
        refused
            .iter()
            .all(|why| matches!(why, RegisterError::TooMany))
    );
    assert_eq!(
        world.webhooks.list(user_id).await.unwrap().len(),
        MAX_ENDPOINTS
    );
}

#[tokio::test]
async fn a_secret_is_changed_once_a_day() {
    let world = World::open().await;
    let (user_id, id) = (world.endpoint.user_id, world.endpoint.id);
    world.webhooks.rotate_secret(user_id, id).await.unwrap();
    let again = world.webhooks.rotate_secret(user_id, id).await;
    assert!(matches!(again, Err(RotateSecretError::TooSoon)));
    world.platform.clock.advance(TimeDelta::days(1));
    world.webhooks.rotate_secret(user_id, id).await.unwrap();
}

#[tokio::test]
async fn no_secret_stands_in_the_database() {
    let world = World::open().await;
    let notice = world
        .webhooks
        .a_notice(world.endpoint.user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice).await;
    world.work().await;
    let secret = world.secret();
    let (_, encoded) = secret.split_once('_').unwrap();
    let dump = format!("{:?}", world.platform.dump().await);
    assert!(!dump.contains(encoded) && !dump.contains("whsec"));
}

#[tokio::test]
async fn somebody_elses_endpoint_is_not_found() {
    let world = World::open().await;
    let (stranger, webhooks) = (world.webhooks.a_user(), &world.webhooks);
    let nowhere = EndpointId::from_uuid(Uuid::nil());
    for (user_id, id) in [
        (stranger, world.endpoint.id),
        (world.endpoint.user_id, nowhere),
    ] {
        let got = webhooks.get(user_id, id).await;
        assert!(matches!(got, Err(GetEndpointError::NotFound)));
        let paused = webhooks.pause(user_id, id).await;
        assert!(matches!(paused, Err(ChangeStatusError::NotFound)));
        let enabled = webhooks.enable(user_id, id).await;
        assert!(matches!(enabled, Err(ChangeStatusError::NotFound)));
        let rotated = webhooks.rotate_secret(user_id, id).await;
        assert!(matches!(rotated, Err(RotateSecretError::NotFound)));
        let tested = webhooks.send_test(user_id, id).await;
        assert!(matches!(tested, Err(SendTestError::NotFound)));
        let delivery = DeliveryId::from_uuid(Uuid::nil());
        let redelivered = webhooks.redeliver(user_id, id, delivery).await;
        assert!(matches!(redelivered, Err(RedeliverError::NotFound)));
        let removed = webhooks.remove(user_id, id).await;
        assert!(matches!(removed, Err(RemoveError::NotFound)));
    }
    assert_eq!(world.standing().await, world.endpoint);
}
