use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{SESSION, World};

#[tokio::test]
async fn a_session_is_opened_and_read_back() {
    let world = World::start().await;
    let (status, session) = world.api_post("/v1/checkout/sessions", SESSION).await;
    assert_eq!(status, 200);
    let id = session["id"].as_str().unwrap();
    assert!(id.starts_with("cs_test_"));
    assert_eq!(session["object"], "checkout.session");
    assert_eq!(session["amount_total"], 2500);
    assert_eq!(session["currency"], "eur");
    assert_eq!(session["status"], "open");
    assert_eq!(session["payment_status"], "unpaid");
    assert_eq!(session["payment_intent"], Value::Null);
    assert_eq!(session["client_reference_id"], "order-17");
    assert_eq!(session["metadata"], json!({ "order_id": "17" }));
    assert_eq!(
        session["url"],
        format!("{}/pay/{id}", world.sandbox.public_url)
    );
    let lifetime = session["expires_at"].as_i64().unwrap() - session["created"].as_i64().unwrap();
    assert_eq!(lifetime, 24 * 60 * 60);
    let read = world.api_get(&format!("/v1/checkout/sessions/{id}")).await;
    assert_eq!(read, session);
}

#[tokio::test]
async fn the_same_key_and_parameters_give_the_same_answer() {
    let world = World::start().await;
    let open = |form: Vec<(&'static str, &'static str)>| {
        world
            .api(Method::POST, "/v1/checkout/sessions")
            .header("Idempotency-Key", "intent-1")
            .form(&form)
            .send()
    };
    let first = open(SESSION.to_vec()).await.unwrap();
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let first: Value = first.json().await.unwrap();

    let mut reordered = SESSION.to_vec();
    reordered.reverse();
    let second = open(reordered).await.unwrap();
    assert_eq!(second.headers()["idempotent-replayed"], "true");
    assert_eq!(second.json::<Value>().await.unwrap(), first);

    let mut other = SESSION.to_vec();
    other.push(("customer_email", "someone@home.example"));
    let third = open(other).await.unwrap();
    assert_eq!(third.status(), 400);
    let error: Value = third.json().await.unwrap();
    assert_eq!(error["error"]["type"], "idempotency_error");
}

#[tokio::test]
async fn a_replayed_refund_gives_money_back_once() {
    let world = World::start().await;
    let intent = world.pay().await;
    for replayed in [false, true] {
        let request = world
            .api(Method::POST, "/v1/refunds")
            .header("Idempotency-Key", "refund-1")
            .form(&[("payment_intent", intent.as_str()), ("amount", "1000")]);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = response.headers().contains_key("idempotent-replayed");
        assert_eq!(header, replayed);
    }
    let money = world.json("/control/charges.json").await;
    assert_eq!(money["charges"][0]["amount_refunded"], 1000);
    assert_eq!(money["refunds"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn parameters_that_do_not_parse_leave_the_key_unused() {
    let world = World::start().await;
    for (quantity, status) in [("none", 400), ("3", 200)] {
        let mut form = SESSION.to_vec();
        form.retain(|(name, _)| *name != "line_items[1][quantity]");
        form.push(("line_items[1][quantity]", quantity));
        let request = world
            .api(Method::POST, "/v1/checkout/sessions")
            .header("Idempotency-Key", "intent-1")
            .form(&form);
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn refusals_have_the_providers_shape() {
    let world = World::start().await;
    let changed = |name: &'static str, value: &'static str| {
        let mut form: Vec<_> = SESSION.to_vec();
        form.retain(|(other, _)| *other != name);
        form.push((name, value));
        form
    };
    for (form, code, param) in [
        (changed("mode", ""), "parameter_missing", "mode"),
        (
            changed("success_url", "/thanks"),
            "url_invalid",
            "success_url",
        ),
        (
            changed("sucess_url", "x"),
            "parameter_unknown",
            "sucess_url",
        ),
        (
            changed("line_items[1][quantity]", "0.5"),
            "parameter_invalid_integer",
            "line_items[1][quantity]",
        ),
    ] {
        let (status, body) = world.api_post("/v1/checkout/sessions", &form).await;
        assert_eq!(status, 400);
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["code"], code);
        assert_eq!(body["error"]["param"], param);
        assert!(body["error"]["message"].is_string());
    }
    for (name, value) in [
        ("expires_at", "1"),
        ("line_items[1][price_data][currency]", "usd"),
        (
            "line_items[0][price_data][unit_amount]",
            "9223372036854775807",
        ),
        ("line_items[0][quantity]", "-2"),
        ("mode", "subscription"),
    ] {
        let form = changed(name, value);
        let (status, _) = world.api_post("/v1/checkout/sessions", &form).await;
        assert_eq!(status, 400, "{name}={value}");
    }
}

#[tokio::test]
async fn the_key_is_asked_for_and_unknown_things_are_not_found() {
    let world = World::start().await;
    let without = world.get("/v1/payment_intents").await;
    assert_eq!(without.status(), 401);
    let wrong = world.request(Method::GET, "/v1/payment_intents");
    let wrong = wrong.bearer_auth("sk_live_other").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers().contains_key("request-id"));

    let missing = world.api_get("/v1/payment_intents/pi_none").await;
    assert_eq!(missing["error"]["code"], "resource_missing");
    let nowhere = world.api_get("/v1/customers").await;
    let message = nowhere["error"]["message"].as_str().unwrap();
    assert!(message.contains("(GET: /v1/customers)"), "{message}");
}

#[tokio::test]
async fn refunds_are_partial_or_full_and_never_more_than_was_charged() {
    let world = World::start().await;
    let intent = world.pay().await;
    let refund = async |amount: Option<&str>| {
        let mut form = vec![("payment_intent", intent.as_str())];
        form.extend(amount.map(|amount| ("amount", amount)));
        world.api_post("/v1/refunds", &form).await
    };
    let (status, part) = refund(Some("2000")).await;
    assert_eq!((status, &part["status"]), (200, &json!("succeeded")));
    assert_eq!(refund(Some("501")).await.0, 400);
    assert_eq!(refund(Some("0")).await.0, 400);
    let (_, rest) = refund(None).await;
    assert_eq!(rest["amount"], 500);
    let (status, error) = refund(None).await;
    assert_eq!(status, 400);
    assert_eq!(error["error"]["code"], "charge_already_refunded");

    let read = world
        .api_get(&format!("/v1/refunds/{}", part["id"].as_str().unwrap()))
        .await;
    assert_eq!(read, part);
    let list = world
        .api_get(&format!("/v1/refunds?payment_intent={intent}"))
        .await;
    assert_eq!(list["data"], json!([rest, part]));
}

#[tokio::test]
async fn an_expired_session_cannot_be_paid() {
    let world = World::start().await;
    let id = world.open_session().await;
    let expire = format!("/v1/checkout/sessions/{id}/expire");
    let (status, session) = world.api_post(&expire, &[]).await;
    assert_eq!((status, &session["status"]), (200, &json!("expired")));
    assert_eq!(session["url"], Value::Null);
    assert_eq!(world.api_post(&expire, &[]).await.0, 400);

    world.press(&id, "pay").await;
    let page = world.get(&format!("/pay/{id}")).await.text().await.unwrap();
    assert!(page.contains("has expired"));
    let money = world.json("/control/charges.json").await;
    assert_eq!(money["charges"], json!([]));
}

#[tokio::test]
async fn payments_can_be_walked_through_page_by_page() {
    let world = World::start().await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.insert(0, world.pay().await);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/payment_intents?limit=2&created[gte]=1".to_owned();
    while seen.len() <= expected.len() {
        let page = world.api_get(&path).await;
        let ids = page["data"].as_array().unwrap().iter();
        seen.extend(ids.map(|intent| intent["id"].as_str().unwrap().to_owned()));
        if page["has_more"] == false {
            break;
        }
        path = format!(
            "/v1/payment_intents?limit=2&starting_after={}",
            seen[seen.len() - 1]
        );
    }
    assert_eq!(seen, expected);
    let none = world.api_get("/v1/payment_intents?created[lt]=1").await;
    assert_eq!(none["data"], json!([]));
    let unknown = world
        .api_get("/v1/payment_intents?starting_after=pi_unknown")
        .await;
    assert_eq!(unknown["error"]["code"], "resource_missing");
    assert_eq!(unknown["error"]["param"], "starting_after");
}
