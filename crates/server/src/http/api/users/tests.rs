use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode, header};
use kernel::UserId;
use platform::sessions::{NewSession, SessionLimits};
use platform::testing::TestPlatform;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use users::testing::PASSWORD;
use uuid::Uuid;

use crate::app::App;
use crate::http::router;

async fn with_ann() -> (TestPlatform, Router) {
    let platform = TestPlatform::start(&crate::migrations::all()).await;
    let app = App::for_tests(&platform);
    app.users().a_customer("ann").await;
    (platform, router(app))
}

/// Sends a JSON document with an access token; an empty one is sent as none.
async fn send(
    router: &Router,
    method: Method,
    path: &str,
    token: &str,
    body: &Value,
) -> (StatusCode, Value) {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::CONTENT_TYPE, "application/json");
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 100_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn sign_in(router: &Router, password: &str) -> (StatusCode, Value) {
    let credentials = json!({"email": "ann@example.com", "password": password});
    send(router, Method::POST, "/auth/token", "", &credentials).await
}

#[tokio::test]
async fn a_program_signs_in_acts_refreshes_and_signs_out() {
    let (_platform, router) = with_ann().await;
    let (status, first) = sign_in(&router, PASSWORD).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(first["expires_in"], 900);

    let access = first["access_token"].as_str().unwrap();
    let named = json!({"name": "Ann Lee"});
    let (status, me) = send(&router, Method::PATCH, "/me", access, &named).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(me["name"], "Ann Lee");
    assert_eq!(me["avatar"]["status"], "none");

    let held = json!({"refresh_token": first["refresh_token"]});
    let (status, second) = send(&router, Method::POST, "/auth/refresh", "", &held).await;
    assert_eq!(status, StatusCode::OK);
    let held = json!({"refresh_token": second["refresh_token"]});
    let (status, _) = send(&router, Method::POST, "/auth/revoke", "", &held).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, problem) = send(&router, Method::POST, "/auth/refresh", "", &held).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "credentials_refused");
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so() {
    let (_platform, router) = with_ann().await;
    let (status, problem) = sign_in(&router, "another-password-99").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "credentials_refused");
    let (status, problem) = send(&router, Method::GET, "/me", "not.a.token", &json!({})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "sign_in_required");
}

#[tokio::test]
async fn signing_up_answers_the_same_for_an_address_that_has_an_account() {
    let (_platform, router) = with_ann().await;
    for email in ["ann@example.com", "bob@example.com"] {
        let body = json!({"email": email, "name": "Bob", "password": "harbour-thistle-cobalt-31"});
        let (status, answer) = send(&router, Method::POST, "/users", "", &body).await;
        assert_eq!(
            (status, answer),
            (StatusCode::ACCEPTED, Value::Null),
            "{email}"
        );
    }
}

#[tokio::test]
async fn a_program_lists_browsers_and_signs_them_out() {
    let (platform, router) = with_ann().await;
    let (_, tokens) = sign_in(&router, PASSWORD).await;
    let access = tokens["access_token"].as_str().unwrap();
    let (_, me) = send(&router, Method::GET, "/me", access, &json!({})).await;
    let user_id = me["id"].as_str().unwrap().parse().unwrap();
    let browser = async |user_id, generation| {
        let session = NewSession {
            user_id,
            generation,
            limits: SessionLimits::CUSTOMER,
            user_agent: "Firefox".to_owned(),
            network: "203.0.113.0/24".to_owned(),
        };
        platform.sessions.create(session).await.unwrap().1
    };
    let (known, stranger) = (browser(user_id, 1).await, UserId::from_uuid(Uuid::nil()));
    let (_void, foreign) = (browser(user_id, 0).await, browser(stranger, 1).await);

    let (status, sessions) = send(&router, Method::GET, "/me/sessions", access, &json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
    assert_eq!(sessions[0]["id"], known.to_string());
    for (id, expected) in [
        (foreign, StatusCode::NOT_FOUND),
        (known, StatusCode::NO_CONTENT),
        (known, StatusCode::NOT_FOUND),
    ] {
        let path = format!("/me/sessions/{id}");
        let (status, _) = send(&router, Method::DELETE, &path, access, &json!({})).await;
        assert_eq!(status, expected);
    }

    let (status, _) = send(&router, Method::DELETE, "/me/sessions", access, &json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = send(&router, Method::GET, "/me", access, &json!({})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_program_is_told_everything_that_is_wrong_at_once() {
    let (platform, router) = with_ann().await;
    let fields = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap();
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    };
    let body = json!({"email": "a..b@example.com", "name": " ", "password": "short"});
    let (status, problem) = send(&router, Method::POST, "/users", "", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fields(&problem), ["email", "name", "password"]);

    let (_, tokens) = sign_in(&router, PASSWORD).await;
    let access = tokens["access_token"].as_str().unwrap();
    let body = json!({"new_email": "ann@", "password": "another-password-99"});
    let (_, problem) = send(&router, Method::POST, "/me/email", access, &body).await;
    assert_eq!(fields(&problem), ["new_email", "password"]);
    assert!(platform.jobs_waiting().await.is_empty());
}

#[tokio::test]
async fn a_list_does_not_pass_for_an_object() {
    let (_platform, router) = with_ann().await;
    let body = json!(["ann@example.com", PASSWORD]);
    let (status, problem) = send(&router, Method::POST, "/auth/token", "", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["message"], "Must be an object.");
}

#[tokio::test]
async fn a_flood_of_unknown_fields_gets_a_short_answer() {
    let (_platform, router) = with_ann().await;
    let flood: serde_json::Map<_, _> = (0..10_000)
        .map(|number| (format!("field{number}"), Value::Null))
        .collect();
    let (status, problem) = send(&router, Method::POST, "/auth/token", "", &flood.into()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("9980 more"), "{detail}");
}
