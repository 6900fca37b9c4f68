use std::time::Duration;

use sandbox::Settings;
use serde_json::Value;

use crate::world::{World, eventually};

#[tokio::test]
async fn paying_leads_to_the_shop_with_the_sessions_id() {
    let world = World::start().await;
    let id = world.open_session().await;
    let page = world.get(&format!("/pay/{id}")).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' http://shop.example"),
        "{policy}"
    );
    let page = page.text().await.unwrap();
    assert!(page.contains("25.00 EUR") && page.contains("Lamp"));

    let answer = world.press(&id, "pay").await;
    assert_eq!(answer.status(), 303);
    let thanks = format!("http://shop.example/thanks?session={id}");
    assert_eq!(answer.headers()["location"], thanks.as_str());

    let session = world.api_get(&format!("/v1/checkout/sessions/{id}")).await;
    assert_eq!(session["status"], "complete");
    assert_eq!(session["payment_status"], "paid");
    let intent = session["payment_intent"].as_str().unwrap();
    let intent = world
        .api_get(&format!("/v1/payment_intents/{intent}"))
        .await;
    assert_eq!(intent["status"], "succeeded");
    assert_eq!(intent["amount_received"], 2500);
    assert_eq!(intent["metadata"]["order_id"], "17");

    let again = world.get(&format!("/pay/{id}")).await;
    assert_eq!(again.headers()["location"], thanks.as_str());
    world.press(&id, "pay").await;
    let money = world.json("/control/charges.json").await;
    assert_eq!(money["charges"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_declined_card_leaves_the_session_open() {
    let world = World::start().await;
    let id = world.open_session().await;
    let answer = world.press(&id, "decline").await;
    assert_eq!(answer.headers()["location"], format!("/pay/{id}").as_str());
    let page = world.get(&format!("/pay/{id}")).await.text().await.unwrap();
    assert!(page.contains("Your card was declined"));
    let session = world.api_get(&format!("/v1/checkout/sessions/{id}")).await;
    assert_eq!(session["status"], "open");
    let intent = session["payment_intent"].as_str().unwrap();
    let intent = world
        .api_get(&format!("/v1/payment_intents/{intent}"))
        .await;
    assert_eq!(intent["status"], "requires_payment_method");
    assert_eq!(intent["last_payment_error"]["code"], "card_declined");

    let answer = world.press(&id, "pay").await;
    assert!(
        answer.headers()["location"]
            .to_str()
            .unwrap()
            .contains("/thanks")
    );
}

#[tokio::test]
async fn cancelling_leads_back_and_charges_nothing() {
    let world = World::start().await;
    let id = world.open_session().await;
    let answer = world.press(&id, "cancel").await;
    assert_eq!(answer.headers()["location"], "http://shop.example/cart");
    let session = world.api_get(&format!("/v1/checkout/sessions/{id}")).await;
    assert_eq!(session["status"], "open");
    assert_eq!(session["payment_intent"], Value::Null);
}

#[tokio::test]
async fn a_slow_payment_is_waited_for_and_then_leads_to_the_shop() {
    let world = World::start_with(Settings {
        slow_payment: Duration::from_millis(200),
        ..Settings::default()
    })
    .await;
    let id = world.open_session().await;
    world.press(&id, "slow").await;
    let page = world.get(&format!("/pay/{id}")).await.text().await.unwrap();
    assert!(page.contains("Processing") && page.contains("http-equiv=\"refresh\""));
    let location = eventually(async || {
        let page = world.get(&format!("/pay/{id}")).await;
        page.headers().get("location").cloned()
    })
    .await;
    assert!(location.to_str().unwrap().contains("/thanks"));
}

#[tokio::test]
async fn a_payment_that_never_answers_charges_and_stays() {
    let (world, mut shop) = World::start_with_shop(&[]).await;
    let id = world.open_session().await;
    let answer = world.press(&id, "silent").await;
    assert_eq!(answer.headers()["location"], format!("/pay/{id}").as_str());
    let page = world.get(&format!("/pay/{id}")).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("were charged"));
    let money = world.json("/control/charges.json").await;
    assert_eq!(money["charges"][0]["amount"], 2500);
    assert!(shop.heard_nothing());
    let events = world.json("/control/webhooks.json").await;
    assert_eq!(events[0]["deliveries"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn unknown_pages_and_buttons_are_refused() {
    let world = World::start().await;
    assert_eq!(world.get("/pay/cs_test_none").await.status(), 404);
    assert_eq!(world.press("%0Acs", "pay").await.status(), 404);
    let id = world.open_session().await;
    assert_eq!(world.press(&id, "steal").await.status(), 422);
    assert_eq!(world.get("/nowhere").await.status(), 404);
}
