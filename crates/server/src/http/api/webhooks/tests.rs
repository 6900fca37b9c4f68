use http::{Method, StatusCode};
use kernel::Role;
use serde_json::{Value, json};
use webhooks::testing::{Received, Receiver};

use crate::http::api::testing::{Program, Shop};

async fn register(program: &Program<'_>, body: Value) -> String {
    let (status, endpoint) = program.post("/webhook-endpoints", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{endpoint}");
    format!("/webhook-endpoints/{}", endpoint["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_program_is_told_of_its_orders_in_signed_messages() {
    let shop = Shop::open_beside_private_endpoints().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let receiver = Receiver::start().await;
    let endpoint = register(
        &ann,
        json!({ "url": receiver.url, "description": "Ledger" }),
    )
    .await;
    let (_, secret) = ann.get(&format!("{endpoint}/secret")).await;
    let secret = secret["secret"].as_str().unwrap().to_owned();

    let number = ann.buy_two_mugs().await.get();

    let messages = receiver.received();
    let mut kinds: Vec<_> = messages
        .iter()
        .map(|message| message.json()["type"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["invoice.issued", "order.paid", "order.placed"]);
    for message in &messages {
        assert!(message.is_signed_with(&secret));
    }
    let is_paid = |message: &Value| message["type"] == "order.paid";
    let paid = messages.iter().map(Received::json).find(is_paid);
    let data = paid.unwrap()["data"].take();
    assert_eq!(data["number"], number);
    assert_eq!(data["total"], json!({ "minor": 3_200, "currency": "EUR" }));
    assert_eq!(data["lines"][0]["quantity"], 2);

    let (status, sent) = ann.get(&format!("{endpoint}/deliveries?size=2")).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    assert_eq!(sent["items"].as_array().unwrap().len(), 2);
    assert_eq!(sent["items"][0]["status"], "delivered");
    assert_eq!(sent["items"][0]["response_status"], 200);
    let rest = format!(
        "{endpoint}/deliveries?after={}",
        sent["next"].as_str().unwrap()
    );
    assert_eq!(ann.get(&rest).await.1["items"].as_array().unwrap().len(), 1);

    let id = sent["items"][0]["id"].as_str().unwrap();
    let again = format!("{endpoint}/deliveries/{id}/redeliver");
    let (status, delivery) = ann.post(&again, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{delivery}");
    let (status, problem) = ann.post(&again, &Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "delivery_on_its_way");
    shop.run_jobs().await;
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn an_endpoint_is_tried_out_switched_off_and_removed() {
    let shop = Shop::open_beside_private_endpoints().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let receiver = Receiver::start().await;
    let endpoint = register(
        &ann,
        json!({ "url": receiver.url, "events": ["order.paid"] }),
    )
    .await;
    let (_, shown) = ann.get(&endpoint).await;
    assert_eq!(shown["events"], json!(["order.paid"]));
    assert_eq!(shown["status"], "enabled");

    let (status, _) = ann.post(&format!("{endpoint}/disable"), &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let (status, test) = ann.post(&format!("{endpoint}/test"), &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(test["event"], "webhook.test");
    shop.run_jobs().await;
    assert_eq!(receiver.received()[0].json()["type"], "webhook.test");
    let (_, shown) = ann.post(&format!("{endpoint}/enable"), &Value::Null).await;
    assert_eq!(shown["status"], "enabled");

    let secret = format!("{endpoint}/secret");
    let (_, before) = ann.get(&secret).await;
    let rotate = format!("{secret}/rotate");
    assert_eq!(
        ann.post(&rotate, &Value::Null).await.0,
        StatusCode::NO_CONTENT
    );
    let (_, after) = ann.get(&secret).await;
    assert_ne!(before["secret"], after["secret"]);
    assert!(after["previous_secret_until"].is_string());
    let (status, problem) = ann.post(&rotate, &Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "secret_changed_lately");

    let (status, _) = ann.call(Method::DELETE, &endpoint, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(ann.get("/webhook-endpoints").await.1, json!([]));
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_is_refused_field_by_field() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let good = json!({ "url": "https://hooks.example/", "description": "", "events": [] });
    for (field, value) in [
        ("url", json!("http://hooks.example/")),
        ("url", json!("https://169.254.169.254/latest/meta-data")),
        ("url", json!("https://localhost/")),
        ("description", json!("a\nb")),
        ("events", json!(["order.lost"])),
        ("events", json!(["webhook.test"])),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let (status, problem) = ann.post("/webhook-endpoints", &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
    for _ in 0..10 {
        register(&ann, good.clone()).await;
    }
    let (status, problem) = ann.post("/webhook-endpoints", &good).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "too_many_endpoints");
}

#[tokio::test]
async fn somebody_elses_endpoint_does_not_exist() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let eve = shop.program_of("eve", Role::Customer).await;
    let endpoint = register(&ann, json!({ "url": "https://hooks.example/" })).await;
    let (_, test) = ann.post(&format!("{endpoint}/test"), &Value::Null).await;
    let delivery = test["id"].as_str().unwrap();
    for (method, path) in [
        (Method::GET, String::new()),
        (Method::DELETE, String::new()),
        (Method::GET, "/secret".to_owned()),
        (Method::GET, "/deliveries".to_owned()),
        (Method::POST, "/secret/rotate".to_owned()),
        (Method::POST, "/test".to_owned()),
        (Method::POST, "/disable".to_owned()),
        (Method::POST, "/enable".to_owned()),
        (Method::POST, format!("/deliveries/{delivery}/redeliver")),
    ] {
        let path = format!("{endpoint}{path}");
        let (status, _) = eve.call(method.clone(), &path, &Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    assert_eq!(eve.get("/webhook-endpoints").await.1, json!([]));
    assert_eq!(ann.get(&endpoint).await.1["status"], "enabled");
}
