use std::time::Duration;

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use sandbox::{Clock, Settings};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::world::{Received, Shop, World, eventually};

/// The age in seconds of a signature made with the shop's secret; `None` if it is not.
fn verify(received: &Received) -> Option<i64> {
    let (time, digest) = received.signature.split_once(",v1=")?;
    let time = time.strip_prefix("t=")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_sandbox").unwrap();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(received.body.as_bytes());
    mac.verify_slice(&hex::decode(digest).unwrap()).ok()?;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Some(i64::try_from(now).unwrap() - time.parse::<i64>().unwrap())
}

async fn deliveries(world: &World, event: &str) -> Vec<Value> {
    let events = world.json("/control/webhooks.json").await;
    let events = events.as_array().unwrap();
    let event = events.iter().find(|found| found["id"] == event).unwrap();
    event["deliveries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_payment_is_told_with_valid_signatures() {
    let (world, mut shop) = World::start_with_shop(&[]).await;
    let intent = world.pay().await;
    let told = [shop.next().await, shop.next().await];
    let find = |kind: &str| told.iter().find(|told| told.event["type"] == kind).unwrap();

    let completed = find("checkout.session.completed");
    assert!((0..5).contains(&verify(completed).unwrap()));
    let session = &completed.event["data"]["object"];
    assert_eq!(session["payment_status"], "paid");
    assert_eq!(session["payment_intent"], intent.as_str());
    assert!(completed.event["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(completed.event["livemode"], false);

    let succeeded = find("payment_intent.succeeded");
    assert!(verify(succeeded).is_some());
    assert_eq!(succeeded.event["data"]["object"]["id"], intent.as_str());
}

#[tokio::test]
async fn refunds_declines_and_expiries_are_told() {
    let (world, mut shop) = World::start_with_shop(&[]).await;
    let intent = world.pay().await;
    let form = [("payment_intent", intent.as_str()), ("amount", "700")];
    let (_, refund) = world.api_post("/v1/refunds", &form).await;
    let refunded = shop.next_of("charge.refunded").await;
    assert_eq!(refunded.event["data"]["object"]["amount_refunded"], 700);
    assert_eq!(refunded.event["data"]["object"]["refunded"], false);

    let id = world.open_session().await;
    world.press(&id, "decline").await;
    shop.next_of("payment_intent.payment_failed").await;
    let expire = format!("/v1/checkout/sessions/{id}/expire");
    world.api_post(&expire, &[]).await;
    let expired = shop.next_of("checkout.session.expired").await;
    assert_eq!(expired.event["data"]["object"]["id"], id.as_str());

    let events = world.json("/control/webhooks.json").await;
    let events = events.as_array().unwrap().iter();
    let about: Vec<_> = events
        .filter(|event| event["type"] == "refund.updated")
        .map(|event| &event["object_id"])
        .collect();
    assert_eq!(about, [&refund["id"]]);
}

#[tokio::test]
async fn an_event_is_sent_again_until_the_shop_takes_it() {
    let (world, mut shop) = World::start_with_shop(&[500, 404]).await;
    let id = world.open_session().await;
    world.press(&id, "decline").await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let received = shop.next().await;
        assert!(verify(&received).is_some());
        bodies.push(received.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0], bodies[2]);
    let event: Value = serde_json::from_str(&bodies[0]).unwrap();
    let delivery = eventually(async || {
        let deliveries = deliveries(&world, event["id"].as_str().unwrap()).await;
        let delivered = deliveries[0]["state"] == "delivered";
        delivered.then(|| deliveries[0].clone())
    })
    .await;
    let attempts = delivery["attempts"].as_array().unwrap().iter();
    let statuses: Vec<_> = attempts.map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [500, 404, 200]);
}

#[tokio::test]
async fn an_event_that_nobody_takes_is_given_up() {
    let (world, mut shop) = World::start_with_shop(&[503; 10]).await;
    let id = world.open_session().await;
    world.press(&id, "decline").await;
    let event = shop.next().await.event;
    eventually(async || {
        let deliveries = deliveries(&world, event["id"].as_str().unwrap()).await;
        (deliveries[0]["state"] == "given_up").then_some(())
    })
    .await;
    for _ in 0..9 {
        shop.next().await;
    }
    assert!(shop.heard_nothing());
}

#[tokio::test]
async fn an_event_can_be_sent_again_late_and_forged() {
    let (world, mut shop) = World::start_with_shop(&[]).await;
    let id = world.open_session().await;
    world.press(&id, "decline").await;
    let first = shop.next().await;
    let event = first.event["id"].as_str().unwrap();
    let send = async |manner: &str| {
        let path = format!("/control/webhooks/{event}/{manner}");
        let response = world.request(Method::POST, &path).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    assert_eq!(send("again").await["status"], 200);
    let again = shop.next().await;
    assert_eq!(again.body, first.body);
    assert!(verify(&again).unwrap() < 5);

    send("late").await;
    let age = verify(&shop.next().await).unwrap();
    assert!((600..605).contains(&age), "{age}");

    send("forged").await;
    let forged = shop.next().await;
    assert_eq!(forged.body, first.body);
    assert_eq!(verify(&forged), None);

    let manners: Vec<_> = deliveries(&world, event)
        .await
        .iter()
        .map(|delivery| delivery["manner"].clone())
        .collect();
    assert_eq!(json!(manners), json!(["usual", "again", "late", "forged"]));
    let unknown = world.request(Method::POST, "/control/webhooks/evt_none/again");
    assert_eq!(unknown.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_address_can_be_set_after_the_start() {
    let world = World::start_with(Settings {
        webhook_pause: Duration::from_millis(1),
        ..Settings::default()
    })
    .await;
    let mut shop = Shop::open(&[]).await;
    world
        .sandbox
        .set_webhook_url(shop.webhook_url.parse().unwrap());
    world.pay().await;
    shop.next_of("checkout.session.completed").await;

    let mut other = Shop::open(&[]).await;
    world
        .request(Method::POST, "/control/webhooks/endpoint")
        .json(&json!({ "url": other.webhook_url }))
        .send()
        .await
        .unwrap();
    world.pay().await;
    other.next_of("checkout.session.completed").await;
}

#[tokio::test]
async fn the_clock_is_the_one_that_is_given() {
    let noon = DateTime::from_timestamp(1_767_614_400, 0).unwrap();
    let mut shop = Shop::open(&[]).await;
    let world = World::start_with(Settings {
        webhook_url: Some(shop.webhook_url.parse().unwrap()),
        clock: Clock::from_fn(move || noon),
        ..Settings::default()
    })
    .await;
    world.pay().await;
    let told = shop.next_of("checkout.session.completed").await;
    assert!(told.signature.starts_with("t=1767614400,"));
    assert_eq!(told.event["created"], 1_767_614_400);
    assert_eq!(told.event["data"]["object"]["created"], 1_767_614_400);
}
