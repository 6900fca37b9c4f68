use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode};
use platform::testing::TestPlatform;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::app::App;
use crate::http::{api, router};

const OPERATIONS: [(Method, &str, &str); 5] = [
    (
        Method::POST,
        "/orders/100001/payment",
        "/orders/{number}/payment",
    ),
    (
        Method::GET,
        "/orders/100001/payment",
        "/orders/{number}/payment",
    ),
    (Method::GET, "/invoices", "/invoices"),
    (
        Method::GET,
        "/invoices/01234567-89ab-7cde-8f01-23456789abcd/document",
        "/invoices/{id}/document",
    ),
    (Method::POST, "/refunds", "/refunds"),
];

#[tokio::test]
async fn nobody_learns_anything_about_money_without_a_token() {
    let platform = TestPlatform::start(&crate::migrations::all()).await;
    let router = router(App::for_tests(&platform));
    for (method, path, _) in OPERATIONS {
        // The body is no refund: who asks is settled before what they ask for.
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .body(Body::from("{"))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"], "sign_in_required", "{path}");
    }
}

#[test]
fn every_operation_is_described_and_asks_for_a_token() {
    let description = serde_json::to_value(api::description()).unwrap();
    for (method, _, path) in OPERATIONS {
        let method = method.as_str().to_ascii_lowercase();
        let operation = &description["paths"][format!("/api/v1{path}")][method];
        assert!(
            operation["security"][0]["bearer"].is_array(),
            "{path}: {operation}"
        );
    }
}
