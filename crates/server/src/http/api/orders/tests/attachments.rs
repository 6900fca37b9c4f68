use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode, header};
use kernel::{Role, UserId};
use orders::testing::{A_PDF, A_PNG};
use platform::testing::TestPlatform;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use users::testing::PASSWORD;

use crate::app::App;
use crate::http::router;

/// A shop in which Ann has an order.
struct Case {
    app: App,
    router: Router,
    ann: UserId,
    files: String,
    _platform: TestPlatform,
}

impl Case {
    async fn open() -> Self {
        let platform = TestPlatform::start(&crate::migrations::all()).await;
        let app = App::for_tests(&platform);
        let ann = app.users().a_customer("ann").await;
        let order = app.orders().a_placed_order(ann).await;
        Self {
            router: router(app.clone()),
            app,
            ann,
            files: format!("/api/v1/orders/{}/attachments", order.number),
            _platform: platform,
        }
    }

    async fn token(&self, local: &str) -> String {
        let body = json!({"email": format!("{local}@example.com"), "password": PASSWORD});
        let path = "/api/v1/auth/token";
        let (status, tokens) = self.send(Method::POST, path, "", &body).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 100_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Uploads a file that is said to be a PNG, and finishes.
    async fn attach(&self, token: &str, file: &'static [u8]) -> (StatusCode, Value) {
        let stated = json!({"name": "box.png", "content_type": "image/png"});
        let (status, upload) = self.send(Method::POST, &self.files, token, &stated).await;
        assert_eq!(status, StatusCode::CREATED, "{upload}");
        let request = Request::put(upload["url"].as_str().unwrap())
            .header(header::CONTENT_TYPE, "image/png")
            .body(Body::from(file));
        let stored = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(stored.status(), StatusCode::CREATED);
        let id = upload["id"].as_str().unwrap();
        let path = format!("{}/{id}/finish", self.files);
        self.send(Method::POST, &path, token, &json!({})).await
    }
}

#[tokio::test]
async fn a_program_attaches_a_file_lists_it_gets_it_and_removes_it() {
    let case = Case::open().await;
    let token = case.token("ann").await;
    let (status, attached) = case.attach(&token, A_PNG).await;
    assert_eq!(status, StatusCode::OK, "{attached}");
    assert_eq!(attached["name"], "box.png");
    assert_eq!(attached["size"], A_PNG.len());

    let (_, listed) = case
        .send(Method::GET, &case.files, &token, &json!({}))
        .await;
    assert_eq!(listed, json!([attached]));
    let file = format!("{}/{}", case.files, attached["id"].as_str().unwrap());
    let (_, shown) = case.send(Method::GET, &file, &token, &json!({})).await;
    let request = Request::get(shown["url"].as_str().unwrap()).body(Body::empty());
    let got = case.router.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(to_bytes(got.into_body(), 100).await.unwrap(), A_PNG);

    for expected in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        let (status, _) = case.send(Method::DELETE, &file, &token, &json!({})).await;
        assert_eq!(status, expected);
    }
    let (_, listed) = case
        .send(Method::GET, &case.files, &token, &json!({}))
        .await;
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn what_cannot_be_attached_is_a_problem_with_a_code() {
    let case = Case::open().await;
    let token = case.token("ann").await;
    let (status, problem) = case.attach(&token, A_PDF).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "invalid_fields");
    for _ in 0..10 {
        case.attach(&token, A_PNG).await;
    }
    let stated = json!({"name": "box.png", "content_type": "image/png"});
    let (status, problem) = case.send(Method::POST, &case.files, &token, &stated).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "attachments_full");

    let order = case.app.orders().a_placed_order(case.ann).await;
    let orders = case.app.orders();
    orders.cancel(case.ann, order.number).await.unwrap();
    let files = format!("/api/v1/orders/{}/attachments", order.number);
    let (status, problem) = case.send(Method::POST, &files, &token, &stated).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "order_cancelled");
}

#[tokio::test]
async fn staff_see_the_files_of_every_order_and_change_none_and_strangers_see_nothing() {
    let case = Case::open().await;
    let users = case.app.users();
    users.a_person("sam", Role::Support).await;
    users.a_customer("bob").await;
    let ann = case.token("ann").await;
    let (_, attached) = case.attach(&ann, A_PNG).await;
    let file = format!("{}/{}", case.files, attached["id"].as_str().unwrap());

    for (local, seen) in [("sam", StatusCode::OK), ("bob", StatusCode::NOT_FOUND)] {
        let token = case.token(local).await;
        let stated = json!({"name": "box.png", "content_type": "image/png"});
        let nothing = json!({});
        let finish = format!("{file}/finish");
        for (method, path, body, expected) in [
            (Method::GET, &case.files, &nothing, seen),
            (Method::GET, &file, &nothing, seen),
            (Method::POST, &case.files, &stated, StatusCode::NOT_FOUND),
            (Method::POST, &finish, &nothing, StatusCode::NOT_FOUND),
            (Method::DELETE, &file, &nothing, StatusCode::NOT_FOUND),
        ] {
            let (status, _) = case.send(method.clone(), path, &token, body).await;
            assert_eq!(status, expected, "{local}: {method} {path}");
        }
    }
    let (_, listed) = case.send(Method::GET, &case.files, &ann, &json!({})).await;
    assert_eq!(listed, json!([attached]));
}
