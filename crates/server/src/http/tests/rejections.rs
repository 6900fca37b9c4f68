//! Whatever is sent that cannot be served: the answer is a page or a problem document of ours, never a framework's text.

use futures::stream;

use super::*;
use crate::http::extract::Raw;

struct Rejected {
    method: &'static str,
    path: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
    status: u16,
}

fn rejected(
    method: &'static str,
    path: &'static str,
    content_type: &'static str,
    body: impl Into<Vec<u8>>,
    status: u16,
) -> Rejected {
    Rejected {
        method,
        path,
        content_type,
        body: body.into(),
        status,
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// One of each kind that there is a rejection for, in each of the places that answer.
fn table() -> Vec<Rejected> {
    let large = |size: usize| vec![b'a'; size];
    vec![
        rejected("GET", "/nowhere", "", "", 404),
        rejected("GET", "/api/v1/nowhere", "", "", 404),
        rejected("GET", "/api/docs/nope", "", "", 404),
        rejected("GET", "/assets/nope.css", "", "", 404),
        rejected("GET", "/files/nope", "", "", 404),
        rejected("PUT", "/files/nope", "", "x", 404),
        rejected("GET", "/pictures/nope.svg", "", "", 404),
        rejected("GET", "/products/%ff", "", "", 404),
        rejected("GET", "/products?after=%20", "", "", 422),
        rejected("GET", "/products?after=e30", "", "", 422),
        rejected("GET", "/products?category=nope", "", "", 404),
        rejected("GET", "/verify-email?token=x", "", "", 410),
        rejected("DELETE", "/sign-in", "", "", 405),
        rejected("DELETE", "/api/v1/products", "", "", 405),
        rejected("GET", "/webhooks/payments", "", "", 405),
        rejected("POST", "/sign-in", "text/plain", "a", 415),
        rejected("POST", "/sign-in", FORM, "email=%ff", 400),
        rejected("POST", "/sign-in", FORM, "role=admin", 400),
        rejected("POST", "/sign-in", FORM, large(limits::BODY + 1), 413),
        rejected("POST", "/account/avatar", FORM, "a=b", 415),
        rejected("POST", "/account/avatar", "multipart/form-data", "a", 400),
        rejected(
            "POST",
            "/account/avatar",
            "multipart/form-data; boundary=x",
            "a",
            400,
        ),
        rejected("GET", "/api/v1/orders", "", "", 401),
        rejected("GET", "/api/v1/products?size=abc", "", "", 422),
        rejected("GET", "/api/v1/products?nope=1", "", "", 422),
        rejected("POST", "/api/v1/auth/token", "text/plain", "{}", 415),
        rejected("POST", "/api/v1/auth/token", JSON, "{", 400),
        rejected("POST", "/api/v1/auth/token", JSON, "\u{fffd}", 400),
        rejected("POST", "/api/v1/auth/token", JSON, "[]", 422),
        rejected(
            "POST",
            "/api/v1/auth/token",
            JSON,
            large(limits::BODY + 1),
            413,
        ),
        rejected("POST", "/webhooks/payments", JSON, "{}", 400),
        rejected("POST", "/webhooks/payments", JSON, large(70_000), 413),
    ]
}

#[tokio::test]
async fn every_rejection_is_a_page_or_a_problem_document() {
    let platform = TestPlatform::start(&crate::migrations::all()).await;
    let app = App::for_tests(&platform);
    // Signed in, so that what the pages of an account refuse is reached.
    app.users().a_customer("ann").await;
    let server = Server {
        router: router(app.clone()),
        platform,
        app,
    };
    let session = sign_in(&server).await;
    for it in table() {
        let request = Request::builder()
            .method(it.method)
            .uri(it.path)
            .header(header::CONTENT_TYPE, it.content_type)
            .header(header::COOKIE, &session)
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(it.body))
            .unwrap();
        let answer = server.send(request).await;
        let what = format!("{} {} {}", it.method, it.path, it.content_type);
        assert_eq!(
            answer.status.as_u16(),
            it.status,
            "{what}: {}",
            answer.text()
        );
        let program = it.path.starts_with("/api/") || it.path.starts_with("/webhooks/");
        let expected = if program {
            "application/problem+json"
        } else {
            "text/html; charset=utf-8"
        };
        assert_eq!(answer.header(header::CONTENT_TYPE), expected, "{what}");
        assert!(!answer.body.is_empty(), "{what}");
        for word in ["expected ", "struct ", "`", "invalid digit", "u32"] {
            // What is wrong with JSON itself is said by its parser, which speaks of JSON.
            if it.status != 400 {
                assert!(
                    !answer.text().contains(word),
                    "{what}: {word}: {}",
                    answer.text()
                );
            }
        }
    }
}

async fn sign_in(server: &Server) -> String {
    let form = [
        ("email", "ann@example.com"),
        ("password", users::testing::PASSWORD),
    ];
    let request = Request::post("/sign-in")
        .header(header::CONTENT_TYPE, FORM)
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(serde_urlencoded::to_string(form).unwrap()))
        .unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let cookie = answer.header(header::SET_COOKIE);
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_the_clients_fault() {
    // The database is not asked, so the paused clock advances to the deadline at once.
    let app = App::connect(&Settings::for_tests()).unwrap();
    let routes = Router::new()
        .route("/raw", post(async |_: Raw| "read"))
        .route(
            "/form",
            post(async |_: Form<HashMap<String, String>>| "read"),
        );
    let server = layered(routes, app);
    for path in ["/raw", "/form"] {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, FORM)
            .body(never)
            .unwrap();
        let answer = Answer::read(server.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT, "{path}");
    }
}
