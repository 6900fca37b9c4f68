use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use kernel::Currency;
use platform::testing::TestPlatform;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::app::App;
use crate::http::router;

async fn a_shop() -> (TestPlatform, Router) {
    let platform = TestPlatform::start(&crate::migrations::all()).await;
    let app = App::for_tests(&platform);
    app.orders().seed_catalogue(Currency::Eur).await.unwrap();
    (platform, router(app))
}

async fn get(router: &Router, path: &str) -> (StatusCode, Value) {
    let request = Request::get(format!("/api/v1{path}")).body(Body::empty());
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 10_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_program_reads_the_catalogue_page_by_page_without_a_token() {
    let (_platform, router) = a_shop().await;
    let (status, first) = get(&router, "/products?q=mug&size=2").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let (_, second) = get(&router, &format!("/products?q=mug&size=2&after={next}")).await;
    assert!(
        !first["items"]
            .as_array()
            .unwrap()
            .contains(&second["items"][0])
    );

    let (_, mug) = get(&router, "/products/everyday-mug").await;
    assert_eq!(mug["price"]["minor"], 1_600);
    assert_eq!(mug["price"]["currency"], "EUR");
    let (_, categories) = get(&router, "/categories").await;
    assert_eq!(categories[1]["slug"], "kitchen");
    let (status, shelf) = get(&router, "/products?category=kitchen&q=mug").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(shelf["items"][0]["category"], "kitchen");
}

#[tokio::test]
async fn what_a_program_asks_for_wrongly_is_a_problem_with_a_code() {
    let (_platform, router) = a_shop().await;
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
        let (answered, problem) = get(&router, path).await;
        assert_eq!(answered, status, "{path}");
        assert_eq!(problem["code"], code, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_so_is_refused_with_the_parameters_name() {
    let (_platform, router) = a_shop().await;
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
        let (status, problem) = get(&router, &format!("/products?{query}")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        let expected = serde_json::json!([{ "field": field, "message": message }]);
        assert_eq!(problem["errors"], expected, "{query}");
    }
    let (status, _) = get(&router, "/categories?q=mug").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, both) = get(&router, "/products?size=0&after=-%20").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
}
