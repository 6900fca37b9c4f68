use axum::body::Body;
use billing::ProcessWebhook;
use http::Request;
use platform::testing::TestPlatform;
use tower::ServiceExt as _;

use super::*;
use crate::config::Settings;

const EVENT: &str = r#"{ "id": "evt_1", "type": "checkout.session.completed", "data": { "object": { "id": "cs_1" } } }"#;

struct Endpoint {
    platform: TestPlatform,
    router: Router,
}

impl Endpoint {
    async fn start() -> Self {
        let platform = TestPlatform::start(&crate::migrations::all()).await;
        let router = crate::http::router(App::for_tests(&platform));
        Self { platform, router }
    }

    /// Signs `body` with the secret that the application expects.
    fn sign(&self, body: &str) -> String {
        let secret = &Settings::for_tests().billing.webhook_secrets[0];
        billing::testing::sign_webhook(secret, body.as_bytes(), self.platform.clock.now())
    }

    async fn post(&self, body: impl Into<Body>, signature: &str) -> StatusCode {
        let request = Request::post("/webhooks/payments")
            .header("content-type", "application/json")
            .header("stripe-signature", signature)
            .body(body.into())
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }
}

#[tokio::test]
async fn a_genuine_webhook_is_taken_in_once_and_acknowledged_each_time() {
    let endpoint = Endpoint::start().await;
    let signature = endpoint.sign(EVENT);
    assert_eq!(endpoint.post(EVENT, &signature).await, StatusCode::OK);
    assert_eq!(endpoint.post(EVENT, &signature).await, StatusCode::OK);
    assert_eq!(endpoint.platform.jobs_of::<ProcessWebhook>().await.len(), 1);
}

#[tokio::test]
async fn whatever_else_arrives_is_refused_and_leaves_nothing() {
    let endpoint = Endpoint::start().await;
    let signature = endpoint.sign(EVENT);
    let tampered = EVENT.replace("cs_1", "cs_2");
    let long = " ".repeat(WEBHOOK_BODY + 1);
    for (body, signature, status) in [
        (EVENT, "", StatusCode::BAD_REQUEST),
        (EVENT, "t=1,v1=00", StatusCode::BAD_REQUEST),
        (&tampered, &signature, StatusCode::BAD_REQUEST),
        ("{}", &endpoint.sign("{}"), StatusCode::BAD_REQUEST),
        (&long, &endpoint.sign(&long), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(
            endpoint.post(body.to_owned(), signature).await,
            status,
            "{body:.40}"
        );
    }
    assert!(endpoint.platform.jobs_waiting().await.is_empty());
}
