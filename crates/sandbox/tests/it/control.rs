use std::time::{Duration, Instant};

use lettre::{
    AsyncTransport, Message,
    transport::smtp::{Error, response::Response},
};
use reqwest::Method;
use serde_json::json;

use crate::world::{SESSION, World};

#[tokio::test]
async fn a_slow_payment_api_does_the_work_and_answers_late() {
    let world = World::start().await;
    world
        .behave("payments", json!({ "mode": "slow", "delay_ms": 300 }))
        .await;
    let request = world
        .api(Method::POST, "/v1/checkout/sessions")
        .header("Idempotency-Key", "intent-1")
        .form(SESSION);
    let impatient = request
        .try_clone()
        .unwrap()
        .timeout(Duration::from_millis(100));
    assert!(impatient.send().await.unwrap_err().is_timeout());

    let started = Instant::now();
    let response = request.send().await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(response.headers()["idempotent-replayed"], "true");
}

#[tokio::test]
async fn a_failing_payment_api_does_nothing() {
    let world = World::start().await;
    let intent = world.pay().await;
    world
        .behave("payments", json!({ "mode": "failing", "delay_ms": 0 }))
        .await;
    let form = [("payment_intent", intent.as_str())];
    let (status, error) = world.api_post("/v1/refunds", &form).await;
    assert_eq!(status, 500);
    assert_eq!(error["error"]["type"], "api_error");
    let money = world.json("/control/charges.json").await;
    assert_eq!(money["refunds"], json!([]));
}

#[tokio::test]
async fn a_hanging_payment_api_never_answers_and_can_still_be_stopped() {
    let world = World::start().await;
    world
        .behave("payments", json!({ "mode": "hanging", "delay_ms": 0 }))
        .await;
    let hanging = world.api(Method::GET, "/v1/refunds");
    let hanging = hanging.timeout(Duration::from_millis(200));
    assert!(hanging.send().await.unwrap_err().is_timeout());

    let another = tokio::spawn(world.api(Method::GET, "/v1/refunds").send());
    world
        .behave("payments", json!({ "mode": "normal", "delay_ms": 0 }))
        .await;
    assert_eq!(world.api_get("/v1/refunds").await["data"], json!([]));
    let stopping = tokio::time::timeout(Duration::from_secs(5), world.sandbox.stop());
    stopping.await.unwrap();
    another.abort();
}

fn letter() -> Message {
    Message::builder()
        .from("shop@shop.example".parse().unwrap())
        .to("ann@home.example".parse().unwrap())
        .subject("Hello")
        .body(String::new())
        .unwrap()
}

/// Sends with patience of its own: the client's timeout covers connecting alone.
async fn send(world: &World, patience: Duration) -> Option<Result<Response, Error>> {
    let mailer = world.mailer();
    tokio::time::timeout(patience, mailer.send(letter()))
        .await
        .ok()
}

#[tokio::test]
async fn a_failing_mail_server_says_so_on_a_connection_already_open() {
    let world = World::start().await;
    let mailer = world.mailer();
    mailer.send(letter()).await.unwrap();
    world
        .behave("smtp", json!({ "mode": "failing", "delay_ms": 0 }))
        .await;
    let error = mailer.send(letter()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(world.json("/inbox.json").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_hanging_mail_server_takes_nothing() {
    let world = World::start().await;
    world
        .behave("smtp", json!({ "mode": "hanging", "delay_ms": 0 }))
        .await;
    let sent = send(&world, Duration::from_millis(200)).await;
    assert!(sent.is_none());
    assert_eq!(world.json("/inbox.json").await, json!([]));
}

#[tokio::test]
async fn a_slow_mail_server_keeps_the_letter_and_says_so_late() {
    let world = World::start().await;
    world
        .behave("smtp", json!({ "mode": "slow", "delay_ms": 500 }))
        .await;
    let sent = send(&world, Duration::from_millis(200)).await;
    assert!(sent.is_none());
    assert_eq!(world.json("/inbox.json").await[0]["subject"], "Hello");
}

#[tokio::test]
async fn the_switches_are_a_form_too_and_refuse_what_they_do_not_know() {
    let world = World::start().await;
    let form = world
        .request(Method::POST, "/control/payments")
        .header("Accept", "text/html")
        .form(&[("mode", "slow"), ("delay_ms", "1500")]);
    let answer = form.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let behaviour = world.json("/control/payments").await;
    assert_eq!(behaviour, json!({ "mode": "slow", "delay_ms": 1500 }));

    for body in [
        json!({ "mode": "odd" }),
        json!({ "mode": "slow", "delay": 1 }),
    ] {
        let request = world.request(Method::POST, "/control/smtp").json(&body);
        assert_eq!(request.send().await.unwrap().status(), 422, "{body}");
    }
    assert_eq!(world.get("/control/florist").await.status(), 400);
}

#[tokio::test]
async fn the_overview_shows_mails_payments_and_webhooks() {
    let (world, mut shop) = World::start_with_shop(&[]).await;
    let intent = world.pay().await;
    shop.next_of("checkout.session.completed").await;
    let form = [("payment_intent", intent.as_str()), ("amount", "700")];
    world.api_post("/v1/refunds", &form).await;
    world.mailer().send(letter()).await.unwrap();

    let page = world.get("/").await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"));
    let page = page.text().await.unwrap();
    for shown in [
        "checkout.session.completed",
        "/forged\"",
        "order-17",
        "25.00 EUR",
        "7.00 EUR refunded",
        "ann@home.example",
        "Hello",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    let style = world.get("/sandbox.css").await;
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let world = World::start().await;
    let settings = sandbox::Settings {
        http_port: world.sandbox.http_addr.port(),
        ..sandbox::Settings::default()
    };
    let error = sandbox::start(settings).await.err().unwrap().to_string();
    assert!(
        error.contains(&world.sandbox.http_addr.to_string()),
        "{error}"
    );
}
