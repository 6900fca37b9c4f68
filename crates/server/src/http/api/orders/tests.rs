use http::{Method, StatusCode};
use kernel::Role;
use serde_json::{Value, json};

use crate::http::api::testing::{Shop, an_order_of};

mod attachments;

#[tokio::test]
async fn a_program_reads_the_catalogue_page_by_page_without_a_token() {
    let shop = Shop::open().await;
    let stranger = shop.stranger();
    let (status, first) = stranger.get("/products?q=mug&size=2").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let (_, second) = stranger
        .get(&format!("/products?q=mug&size=2&after={next}"))
        .await;
    assert!(
        !first["items"]
            .as_array()
            .unwrap()
            .contains(&second["items"][0])
    );

    let (_, mug) = stranger.get("/products/everyday-mug").await;
    assert_eq!(mug["price"]["minor"], 1_600);
    assert_eq!(mug["price"]["currency"], "EUR");
    let (_, categories) = stranger.get("/categories").await;
    assert_eq!(categories[1]["slug"], "kitchen");
    let (status, shelf) = stranger.get("/products?category=kitchen&q=mug").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shelf["items"][0]["category"], "kitchen");
}

#[tokio::test]
async fn what_a_program_asks_for_wrongly_is_a_problem_with_a_code() {
    let shop = Shop::open().await;
    for (path, status, code) in [
        ("/products/unicorn", StatusCode::NOT_FOUND, "not_found"),
        (
            "/products?after=e30",
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_fields",
        ),
        (
            "/products?category=stables",
            StatusCode::NOT_FOUND,
            "not_found",
        ),
        ("/cart", StatusCode::UNAUTHORIZED, "sign_in_required"),
        ("/orders", StatusCode::UNAUTHORIZED, "sign_in_required"),
        (
            "/orders/100001",
            StatusCode::UNAUTHORIZED,
            "sign_in_required",
        ),
    ] {
        let (answered, problem) = shop.stranger().get(path).await;
        assert_eq!(answered, status, "{path}");
        assert_eq!(problem["code"], code, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_so_is_refused_with_the_parameters_name() {
    let shop = Shop::open().await;
    let stranger = shop.stranger();
    for (query, field, message) in [
        ("size=0", "size", "Must be a whole number from 1 to 100."),
        ("size=101", "size", "Must be a whole number from 1 to 100."),
        ("size=abc", "size", "Must be a whole number."),
        ("size=1&size=2", "size", "Occurs twice."),
        ("after=no%20cursor", "after", "Not a cursor of this list."),
        (
            "shelf=kitchen",
            "shelf",
            "This operation has no such parameter.",
        ),
    ] {
        let (status, problem) = stranger.get(&format!("/products?{query}")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        let expected = json!([{ "field": field, "message": message }]);
        assert_eq!(problem["errors"], expected, "{query}");
    }
    let (status, _) = stranger.get("/categories?q=mug").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, both) = stranger.get("/products?size=0&after=-%20").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
}

#[tokio::test]
async fn a_program_changes_its_cart_orders_and_cancels() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let eve = shop.program_of("eve", Role::Customer).await;
    let cart = ann.fill_cart(2).await;
    let line = format!(
        "/cart/lines/{}",
        cart["lines"][0]["product_id"].as_str().unwrap()
    );
    for (quantity, expected) in [
        (3, StatusCode::OK),
        (0, StatusCode::UNPROCESSABLE_ENTITY),
        (100, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let body = json!({ "quantity": quantity });
        let (status, _) = ann.call(Method::PUT, &line, &body).await;
        assert_eq!(status, expected, "{quantity}");
    }
    let (status, _) = eve
        .call(Method::PUT, &line, &json!({ "quantity": 3 }))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is not in her cart");

    let (_, cart) = ann.get("/cart").await;
    assert_eq!(cart["total"]["minor"], 4_800);
    let (status, order) = ann.post("/orders", &an_order_of(&cart)).await;
    assert_eq!(status, StatusCode::CREATED, "{order}");
    let (status, orders) = ann.get("/orders").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(orders["items"], json!([order]));
    assert_eq!(eve.get("/orders").await.1["items"], json!([]));
    for (words, expected) in [("mugs", json!([order])), ("lamp", json!([]))] {
        let (_, found) = ann.get(&format!("/orders?q={words}")).await;
        assert_eq!(found["items"], expected, "{words}");
    }

    let path = format!("/orders/{}", order["number"]);
    let cancel = format!("{path}/cancel");
    let (status, _) = eve.post(&cancel, &Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, cancelled) = ann.post(&cancel, &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(cancelled["status"], "cancelled");
    let timeline = ann.get(&path).await.1["timeline"].clone();
    assert_eq!(timeline[1]["status"], "cancelled", "{timeline}");
}

#[tokio::test]
async fn staff_ship_and_complete_what_was_paid_and_customers_do_not() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let sue = shop.program_of("sue", Role::Support).await;
    let number = ann.order_two_mugs().await;
    let (send_off, complete) = (
        format!("/orders/{number}/ship"),
        format!("/orders/{number}/complete"),
    );
    let (status, problem) = sue.post(&send_off, &Value::Null).await;
    assert_eq!(status, StatusCode::CONFLICT, "it is not paid");
    assert_eq!(problem["code"], "invalid_transition");

    let order = shop.order(ann.user_id().await, number).await;
    shop.app.orders().pay_for(&order).await;
    for (path, becomes) in [(send_off, "shipped"), (complete, "completed")] {
        assert_eq!(ann.post(&path, &Value::Null).await.0, StatusCode::NOT_FOUND);
        let (status, order) = sue.post(&path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{order}");
        assert_eq!(order["status"], becomes);
    }
}
