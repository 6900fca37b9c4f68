use std::collections::HashMap;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use platform::storage::ObjectKey;
use platform::testing::TestPlatform;
use tower::ServiceExt as _;

use super::extract::Form;
use super::*;
use crate::app::App;
use crate::config::Settings;
use crate::testing::{self, Contract};

mod compression;
mod cost;
mod detach;
mod error_reports;
mod healthz;
mod idempotency;
mod load;
mod log_lines;
mod metrics;
mod outages;
mod rejections;

struct Server {
    platform: TestPlatform,
    app: App,
    router: Router,
}

impl Server {
    async fn start() -> Self {
        let platform = TestPlatform::start(&crate::migrations::all()).await;
        let app = App::for_tests(&platform);
        let routes = Router::new()
            .route(
                "/panic",
                get(async || -> &'static str { panic!("hunter2") }),
            )
            .route("/fail", get(fail))
            .route(
                "/api/v1/fail",
                get(async || AppError::from(anyhow::anyhow!("hunter2"))),
            )
            .route(
                "/private",
                get(async |user: session::CurrentUser| user.name().to_owned()),
            )
            .route(
                "/slow",
                get(async || tokio::time::sleep(Duration::from_hours(1)).await),
            )
            .route(
                "/form",
                post(async |_: Form<HashMap<String, String>>| "read"),
            )
            .layer(from_fn_with_state(app.clone(), session::load))
            .merge(api::routes(&app))
            .merge(files::routes())
            .merge(health::routes());
        let server = layered(routes.merge(pages::routes(&app)), app.clone());
        Self {
            platform,
            app,
            router: server,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = Answer::read(self.router.clone().oneshot(request).await.unwrap()).await;
        let of_the_api = testing::Answer {
            status: answer.status.as_u16(),
            content_type: answer.header(header::CONTENT_TYPE),
            body: &answer.body,
        };
        Contract::of_the_api().require(method.as_str(), &path, of_the_api);
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }
}

async fn fail(context::Ctx(context): context::Ctx) -> AppError {
    context.set_user_id(kernel::UserId::from_uuid(uuid::Uuid::nil()));
    tracing::info!("about to fail");
    anyhow::anyhow!("hunter2").context("insert order").into()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: to_bytes(body, 10_000_000).await.unwrap(),
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

#[tokio::test]
async fn an_unknown_address_is_a_page_for_browsers_and_a_problem_for_programs() {
    let server = Server::start().await;
    let page = server.get("/nowhere").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.text().contains("<h1>Nothing here</h1>"),
        "{}",
        page.text()
    );
    let problem = server.get("/api/v1/nowhere").await;
    assert_eq!(problem.status, StatusCode::NOT_FOUND);
    assert_eq!(
        problem.header(header::CONTENT_TYPE),
        "application/problem+json"
    );
}

#[tokio::test]
async fn an_error_tells_its_id_and_nothing_of_its_cause() {
    let server = Server::start().await;
    for path in ["/fail", "/panic", "/api/v1/fail"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let request_id = answer.headers["x-request-id"].to_str().unwrap();
        assert!(answer.text().contains(request_id), "{path}");
        assert!(
            !answer.text().contains("hunter2") && !answer.text().contains("insert"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn error_pages_are_as_guarded_as_others() {
    let server = Server::start().await;
    for path in ["/nowhere", "/panic", "/api/v1/nowhere"] {
        let answer = server.get(path).await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("script-src 'nonce-"), "{path}: {policy}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
        assert_eq!(
            answer.header(header::X_CONTENT_TYPE_OPTIONS),
            "nosniff",
            "{path}"
        );
        assert!(
            answer
                .headers
                .contains_key(header::STRICT_TRANSPORT_SECURITY),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_page_for_one_person_is_not_kept_by_anybody() {
    let server = Server::start().await;
    let answer = server.get("/livez").await;
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-cache");
    let request = Request::get("/livez").header(header::COOKIE, "__Host-cart=x");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_private_page_sends_to_the_sign_in_form_and_back() {
    let server = Server::start().await;
    let answer = server.get("/private?after=x%26y").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(
        answer.header(header::LOCATION),
        "/sign-in?next=%2Fprivate%3Fafter%3Dx%2526y"
    );
}

#[tokio::test]
async fn a_session_that_has_ended_takes_its_cookie_with_it() {
    let server = Server::start().await;
    let token = kernel::Token::generate(&server.platform.entropy).reveal();
    let request =
        Request::get("/private").header(header::COOKIE, format!("__Host-session={token}"));
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(
        answer
            .header(header::SET_COOKIE)
            .starts_with("__Host-session=; ")
    );
    assert!(answer.header(header::SET_COOKIE).contains("Max-Age=0"));
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_before_anything_is_read() {
    let server = Server::start().await;
    let request = Request::post("/nowhere").header("sec-fetch-site", "cross-site");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("another site"));
}

#[tokio::test]
async fn bad_bodies_get_a_clear_answer() {
    let server = Server::start().await;
    let form = "application/x-www-form-urlencoded";
    for (content_type, body, expected) in [
        (
            form,
            vec![b'a'; limits::BODY + 1],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            "text/plain",
            b"a=b".to_vec(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (form, b"a=b".to_vec(), StatusCode::OK),
    ] {
        let request = Request::post("/form").header(header::CONTENT_TYPE, content_type);
        let answer = server.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, expected, "{content_type}");
    }
    let request = Request::delete("/form").body(Body::empty()).unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header(header::ALLOW), "POST");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_ended() {
    // The database is not asked, so the paused clock advances to the deadline at once.
    let app = App::connect(&Settings::for_tests()).unwrap();
    let routes = Router::new().route(
        "/slow",
        get(async || tokio::time::sleep(Duration::from_hours(1)).await),
    );
    let request = Request::get("/slow").body(Body::empty()).unwrap();
    let answer = Answer::read(layered(routes, app).oneshot(request).await.unwrap()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header(header::RETRY_AFTER), "2");
}

#[tokio::test]
async fn readiness_sticks_until_the_process_is_told_to_stop() {
    let server = Server::start().await;
    assert_eq!(server.get("/livez").await.status, StatusCode::OK);
    assert_eq!(server.get("/readyz").await.status, StatusCode::OK);
    server.app.platform().db.pool().close().await;
    assert_eq!(server.get("/readyz").await.status, StatusCode::OK);
    server.app.readiness().drain();
    assert_eq!(
        server.get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(server.get("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_process_whose_database_is_away_is_not_ready() {
    let server = Server::start().await;
    server.app.platform().db.pool().close().await;
    assert_eq!(
        server.get("/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn a_file_goes_in_and_out_by_signed_addresses() {
    let server = Server::start().await;
    let key = ObjectKey::new("avatars/a.png").unwrap();
    let hour = Duration::from_hours(1);
    let storage = &server.platform.storage;
    let upload = storage
        .presign_put(&key, "image/png", 10, hour)
        .await
        .unwrap();
    let path = format!("{}?{}", upload.url.path(), upload.url.query().unwrap());
    let put = |content_type: &'static str, body: &'static str| {
        let request = Request::put(&path).header(header::CONTENT_TYPE, content_type);
        server.send(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(
        put("text/html", "12345").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        put("image/png", "12345678901").await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert!(server.platform.stored_files().await.is_empty());
    assert_eq!(
        put("image/png", "1234567890").await.status,
        StatusCode::CREATED
    );

    let download = storage
        .presign_get(&key, hour, Some("me.png"))
        .await
        .unwrap();
    let path = format!("{}?{}", download.path(), download.query().unwrap());
    let file = server.get(&path).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(file.text(), "1234567890");
    assert_eq!(file.header(header::CONTENT_TYPE), "image/png");
    assert!(file.header(header::CONTENT_DISPOSITION).contains("me.png"));
    assert!(
        file.header(header::CONTENT_SECURITY_POLICY)
            .contains("sandbox")
    );

    assert_eq!(
        server.get(&path.replace("a.png", "b.png")).await.status,
        StatusCode::NOT_FOUND
    );
    server.platform.clock.advance(chrono::TimeDelta::hours(2));
    assert_eq!(server.get(&path).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn the_keys_of_access_tokens_are_public_and_their_secret_part_is_not() {
    let server = Server::start().await;
    let answer = server.get("/.well-known/jwks.json").await;
    let keys: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let key = keys["keys"][0].as_object().unwrap();
    assert!(key["x"].is_string() && !key.contains_key("d"), "{key:?}");
    assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=300");
}

#[tokio::test]
async fn the_viewer_of_the_description_may_run_its_own_scripts_alone() {
    let server = Server::start().await;
    let viewer = server.get("/api/docs/").await;
    assert_eq!(viewer.status, StatusCode::OK);
    let policy = viewer.header(header::CONTENT_SECURITY_POLICY);
    assert!(
        policy.contains("script-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let description = server.get("/api/v1/openapi.json").await;
    let document: serde_json::Value = serde_json::from_slice(&description.body).unwrap();
    assert_eq!(
        document["openapi"].as_str().map(|version| &version[..3]),
        Some("3.1")
    );
}
