use http::Method;
use reqwest::Body;
use serde_json::{Value, json};
use tests::customer::{Customer, PASSWORD, call};
use tests::{Shop, eventually, pdf_text};

use super::{NEW_PASSWORD, TOTAL};

#[tokio::test]
async fn a_program_goes_from_sign_up_to_the_invoice_and_a_new_password() {
    let shop = Shop::start("api").await;
    let customer = Customer::sign_up(&shop, "ann@example.com").await;
    let elsewhere = Customer::sign_in(&shop, &customer.email, PASSWORD).await;

    verify(&shop, &customer).await;
    let number = customer.order_two_mugs(&shop).await;
    customer.pay(&shop, &number).await;
    eventually("a paid order", async || {
        (customer.status_of(&shop, &number).await == "paid").then_some(())
    })
    .await;
    read_invoice(&shop, &customer).await;

    upload_avatar(&shop, &customer).await;
    change_password(&shop, &customer).await;
    assert_eq!(elsewhere.try_get(&shop, "/me").await.0, 401);
    assert_eq!(refresh(&shop, &elsewhere.refresh_token).await.0, 401);
    let customer = Customer::sign_in(&shop, &customer.email, NEW_PASSWORD).await;
    assert_eq!(customer.status_of(&shop, &number).await, "paid");
}

async fn verify(shop: &Shop, customer: &Customer) {
    assert_eq!(customer.get(shop, "/me").await["email_verified"], false);
    let token = shop
        .mail(&customer.email, |mail| mail.token("/verify-email"))
        .await;
    let finish = "/email-verifications/finish";
    let body = json!({ "token": token });
    let (status, problem) = call(shop, Method::POST, finish, None, body).await;
    assert_eq!(status, 204, "{problem}");
    assert_eq!(customer.get(shop, "/me").await["email_verified"], true);
}

/// By mail, and over the API.
async fn read_invoice(shop: &Shop, customer: &Customer) {
    let text = shop.mailed_invoice(&customer.email).await;
    assert!(text.contains(TOTAL), "{text}");

    let invoices = customer.get(shop, "/invoices").await;
    let invoice = &invoices["items"][0];
    assert_eq!(invoice["total"]["minor"], 3_200);
    let path = format!("/invoices/{}/document", invoice["id"].as_str().unwrap());
    let document = customer.get(shop, &path).await;
    let url = document["url"].as_str().unwrap();
    let document = shop.client().get(url).send().await.unwrap();
    let text = pdf_text(&document.bytes().await.unwrap()).await;
    assert!(text.contains(TOTAL), "{text}");
}

async fn upload_avatar(shop: &Shop, customer: &Customer) {
    let kind = json!({ "content_type": "image/png" });
    let (status, upload) = customer.post(shop, "/me/avatar", kind).await;
    assert_eq!(status, 201, "{upload}");
    let mut put = shop.client().put(upload["url"].as_str().unwrap());
    for (name, value) in upload["headers"].as_object().unwrap() {
        put = put.header(name, value.as_str().unwrap());
    }
    let stored = put.body(Body::from(PICTURE)).send().await.unwrap();
    assert_eq!(stored.status(), 201);
    let finish = format!("/me/avatar/{}/finish", upload["id"].as_str().unwrap());
    let (status, problem) = customer.post(shop, &finish, Value::Null).await;
    assert_eq!(status, 202, "{problem}");

    let small = eventually("thumbnails", async || {
        let me = customer.get(shop, "/me").await;
        let ready = me["avatar"]["status"] == "ready";
        ready.then(|| me["avatar"]["small"].as_str().unwrap().to_owned())
    })
    .await;
    let thumbnail = shop.client().get(small).send().await.unwrap();
    assert_eq!(thumbnail.status(), 200);
}

async fn change_password(shop: &Shop, customer: &Customer) {
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let (status, problem) = customer.post(shop, "/me/password", change).await;
    assert_eq!(status, 204, "{problem}");
    assert_eq!(customer.try_get(shop, "/me").await.0, 401);
}

/// A PNG of one pixel.
const PICTURE: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0c\
    IDATx\xdac\xf8\xcf\xc0\0\0\x03\x01\x01\0\xf7\x03AC\0\0\0\0IEND\xaeB`\x82";

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
