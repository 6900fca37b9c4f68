//! The whole shop and browsers in front of it, which keep cookies and fill in forms.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use http::{Method, StatusCode, header};
use platform::testing::TestPlatform;
use tower::ServiceExt as _;
use users::testing::PASSWORD;

use crate::app::App;
use crate::http::router;
use crate::worker;

const FORM: &str = "application/x-www-form-urlencoded";

/// A shop, and what its mail server was given.
pub(super) struct Site {
    pub(super) app: App,
    pub(super) platform: TestPlatform,
    router: Router,
}

/// One browser with its cookies.
pub(super) struct Browser<'a> {
    site: &'a Site,
    pub(super) cookies: Vec<(String, String)>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: String,
    pub(super) text: String,
}

impl Site {
    pub(super) async fn open() -> Self {
        let subscriptions = worker::registry().subscriptions();
        let platform = TestPlatform::start_with(&crate::migrations::all(), subscriptions).await;
        let app = App::for_tests(&platform);
        Self {
            router: router(app.clone()),
            app,
            platform,
        }
    }

    pub(super) fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            cookies: Vec::new(),
        }
    }

    /// A browser in which Ann is signed in.
    pub(super) async fn anns_browser(&self) -> Browser<'_> {
        let mut browser = self.browser();
        let answer = browser.sign_in("ann", PASSWORD, "/account").await;
        assert_eq!(answer.location, "/account", "{}", answer.text);
        browser
    }

    pub(super) async fn work(&self) {
        worker::runner(&self.app).run_due().await.unwrap();
    }

    /// The token of the link in the last letter.
    pub(super) fn link_token(&self) -> String {
        let letter = self.platform.sent_mail().pop().unwrap();
        let (_, token) = letter.text.split_once("?token=").unwrap();
        token.split_whitespace().next().unwrap().to_owned()
    }
}

impl Browser<'_> {
    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "", Body::empty()).await
    }

    pub(super) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(form).unwrap();
        self.send(Method::POST, path, FORM, body.into()).await
    }

    /// Sends a form with a file, the field `avatar`.
    pub(super) async fn post_picture(&mut self, path: &str, content: &[u8]) -> Answer {
        let head =
            "--x\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"a.png\"\r\n\r\n";
        let body = [head.as_bytes(), content, b"\r\n--x--\r\n"].concat();
        let kind = "multipart/form-data; boundary=x";
        self.send(Method::POST, path, kind, body.into()).await
    }

    pub(super) async fn sign_in(&mut self, local: &str, password: &str, next: &str) -> Answer {
        let email = format!("{local}@example.com");
        let form = [
            ("email", email.as_str()),
            ("password", password),
            ("next", next),
        ];
        self.post("/sign-in", &form).await
    }

    pub(super) async fn is_signed_in(&mut self) -> bool {
        self.get("/account").await.status == StatusCode::OK
    }

    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        kind: &str,
        body: Body,
    ) -> Answer {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, kind)
            .header(header::COOKIE, cookies.join("; "))
            .header(
                header::USER_AGENT,
                "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
            )
            .header("sec-fetch-site", "same-origin")
            .body(body)
            .unwrap();
        let response = self.site.router.clone().oneshot(request).await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let status = response.status();
        let location = response.headers().get(header::LOCATION);
        let location = location
            .map_or("", |path| path.to_str().unwrap())
            .to_owned();
        let body = to_bytes(response.into_body(), 10_000_000).await.unwrap();
        Answer {
            status,
            location,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

impl Answer {
    /// The message that the page shows beside a field and ties to it; empty where there is none.
    pub(super) fn beside(&self, field: &str) -> &str {
        let tied = format!("aria-describedby=\"{field}-error\"");
        let tied_to_hint = format!("{field}-hint {field}-error\"");
        if !self.text.contains(&tied) && !self.text.contains(&tied_to_hint) {
            return "";
        }
        let start = format!("id=\"{field}-error\">");
        let after = self.text.split_once(&start).map_or("", |(_, after)| after);
        let message = after.split("</p>").next().unwrap_or_default();
        message.rsplit("</span> ").next().unwrap_or_default()
    }
}
