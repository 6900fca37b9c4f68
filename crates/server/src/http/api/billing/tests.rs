use chrono::TimeDelta;
use http::StatusCode;
use kernel::Role;
use serde_json::{Value, json};

use crate::http::api::testing::Shop;

#[tokio::test]
async fn a_program_pays_and_sees_how_far_the_payment_is() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let eve = shop.program_of("eve", Role::Customer).await;
    let number = ann.order_two_mugs().await;
    let path = format!("/orders/{number}/payment");
    let (status, payment) = ann.get(&path).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(payment["status"], "opened");
    assert_eq!(payment["amount"]["minor"], 3_200);
    assert_eq!(eve.get(&path).await.0, StatusCode::NOT_FOUND);

    let (status, checkout) = ann.post(&path, &Value::Null).await;
    assert_eq!(status, StatusCode::CREATED);
    let page = checkout["url"].as_str().unwrap();
    shop.pay(page, ann.user_id().await, number).await;
    assert_eq!(ann.get(&path).await.1["status"], "succeeded");
    let (status, problem) = ann.post(&path, &Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "payment_not_payable");
}

#[tokio::test]
async fn staff_give_money_back_and_the_customer_gets_a_credit_note() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let sue = shop.program_of("sue", Role::Support).await;
    let number = ann.buy_two_mugs().await.get();

    let refund = json!({ "order_number": number, "reason": "Damaged" });
    let (status, problem) = ann.post("/refunds", &refund).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
    let without_reason = json!({ "order_number": number, "reason": " " });
    let (status, problem) = sue.post("/refunds", &without_reason).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "reason");

    shop.platform.clock.advance(TimeDelta::seconds(1));
    let (status, requested) = sue.post("/refunds", &refund).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{requested}");
    assert_eq!(requested["status"], "requested");
    assert_eq!(requested["amount"]["minor"], 3_200);
    shop.run_jobs().await;

    let (_, papers) = ann.get("/invoices").await;
    assert_eq!(papers["items"][0]["kind"], "credit_note", "{papers}");
    assert_eq!(papers["items"][1]["kind"], "invoice");
    let id = papers["items"][0]["id"].as_str().unwrap();
    let (status, document) = ann.get(&format!("/invoices/{id}/document")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        document["url"]
            .as_str()
            .unwrap()
            .contains("/files/invoices/")
    );
    let (_, payment) = ann.get(&format!("/orders/{number}/payment")).await;
    assert_eq!(payment["status"], "refunded");
    let (status, problem) = sue.post("/refunds", &refund).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "payment_not_refundable");
}
