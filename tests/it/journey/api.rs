use http::Method;
use serde_json::{Value, json};
use tests::customer::{Customer, call};
use tests::{Shop, eventually, pdf_text};

use super::TOTAL;

#[tokio::test]
async fn a_program_goes_from_sign_up_to_the_invoice() {
    let shop = Shop::start("api").await;
    let customer = Customer::sign_up(&shop, "ann@example.com").await;

    assert_eq!(customer.get(&shop, "/me").await["email_verified"], false);
    let link = shop
        .mail(&customer.email, |mail| mail.link("/verify-email"))
        .await;
    let token: Vec<_> = link.query_pairs().collect();
    let page = shop.client().post(shop.url("/verify-email")).form(&token);
    let verified = page.send().await.unwrap();
    assert!(verified.status().is_redirection(), "{}", verified.status());
    assert_eq!(customer.get(&shop, "/me").await["email_verified"], true);

    let number = customer.order_two_mugs(&shop).await;
    let path = format!("/orders/{number}");
    let payment = format!("{path}/payment");
    let (status, checkout) = customer.post(&shop, &payment, Value::Null).await;
    assert_eq!(status, 201, "{checkout}");
    let pay = shop.client().post(checkout["url"].as_str().unwrap());
    let paid = pay.form(&[("outcome", "pay")]).send().await.unwrap();
    assert!(paid.status().is_redirection(), "{}", paid.status());

    eventually("a paid order", async || {
        let order = customer.get(&shop, &path).await;
        (order["status"] == "paid").then_some(())
    })
    .await;
    let invoice = eventually("an invoice with its document", async || {
        let invoices = customer.get(&shop, "/invoices").await;
        let newest = &invoices["items"][0];
        (newest["has_document"] == true).then(|| newest.clone())
    })
    .await;
    assert_eq!(invoice["total"]["minor"], 3_200);
    let path = format!("/invoices/{}/document", invoice["id"].as_str().unwrap());
    let document = customer.get(&shop, &path).await;
    let url = document["url"].as_str().unwrap();
    let document = shop.client().get(url).send().await.unwrap();
    let text = pdf_text(&document.bytes().await.unwrap()).await;
    assert!(text.contains(TOTAL), "{text}");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_all_that_came_from_the_sign_in() {
    let shop = Shop::start_without_worker("refresh").await;
    let first = Customer::sign_up(&shop, "ben@example.com")
        .await
        .refresh_token;
    let (status, second) = refresh(&shop, &first).await;
    assert_eq!(status, 200, "{second}");

    assert_eq!(refresh(&shop, &first).await.0, 401);
    assert_eq!(refresh(&shop, &second["refresh_token"]).await.0, 401);
}

async fn refresh(shop: &Shop, token: &Value) -> (u16, Value) {
    let body = json!({ "refresh_token": token });
    call(shop, Method::POST, "/auth/refresh", None, body).await
}
