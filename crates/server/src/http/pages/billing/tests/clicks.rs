use super::*;

/// Presses the button of the order's page; returns where it leads.
async fn press(shop: &Shop, order: &Order, key: &str) -> String {
    let form = format!("idempotency_key={key}");
    let request = Request::post(format!("/orders/{}/pay", order.number))
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(USER, order.user_id.to_string())
        .body(Body::from(form));
    let response = shop.router.clone().oneshot(request.unwrap()).await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    // Whoever comes back after an hour must not be sent to a page that has closed.
    assert!(!response.headers().contains_key("idempotency-replayed"));
    let location = response.headers()[header::LOCATION].to_str();
    location.unwrap().to_owned()
}

#[tokio::test]
async fn two_clicks_start_one_payment_and_its_address_is_not_kept() {
    let shop = Shop::open().await;
    let order = shop.a_placed_order().await;
    let page = shop
        .get(order.user_id, &format!("/orders/{}", order.number))
        .await;
    let (_, rest) = page
        .text
        .split_once("name=\"idempotency_key\" value=\"")
        .unwrap();
    let key = rest.split_once('"').unwrap().0;

    let (one, two) = tokio::join!(press(&shop, &order, key), press(&shop, &order, key));
    assert!(one.starts_with(shop.provider.as_str()), "{one}");
    assert_eq!(one, two);
    assert_eq!(press(&shop, &order, key).await, one);
}
