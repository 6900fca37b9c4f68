//! Refuses requests that another site makes a signed-in browser send.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};

use crate::app::App;
use crate::http::error::AppError;

/// Lets unsafe methods through only if the browser says that this site sent them (OWASP: Fetch Metadata, else `Origin`).
///
/// No hidden token: it would need a session for every form, and a page kept open over a release would fail. The layer of
/// tower-http lets requests pass that have neither header, and compares `Origin` with whatever host the request names.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = app.site().public_url.origin().ascii_serialization();
    if is_own(request.method(), request.headers(), &origin) {
        next.run(request).await
    } else {
        AppError::Forbidden("This form was sent from another site, so we did not act on it.")
            .into_response()
    }
}

fn is_own(method: &Method, headers: &HeaderMap, own_origin: &str) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) => matches!(site.as_bytes(), b"same-origin" | b"none"),
        (None, Some(origin)) => origin.as_bytes() == own_origin.as_bytes(),
        // Every browser since 2020 sends one of the two. What sends neither is a program, and harmless as long as it
        // brings no cookie of somebody.
        (None, None) => !headers.contains_key(header::COOKIE),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn allowed(method: Method, headers: &[(&'static str, &str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        is_own(&method, &headers, "https://shop.example")
    }

    #[test]
    fn forms_of_this_site_pass() {
        assert!(allowed(
            Method::POST,
            &[("sec-fetch-site", "same-origin"), ("cookie", "a=b")]
        ));
        assert!(allowed(
            Method::POST,
            &[("sec-fetch-site", "none"), ("cookie", "a=b")]
        ));
        assert!(allowed(
            Method::POST,
            &[("origin", "https://shop.example"), ("cookie", "a=b")]
        ));
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            let own_origin = ("origin", "https://shop.example");
            assert!(
                !allowed(Method::POST, &[("sec-fetch-site", site), own_origin]),
                "{site}"
            );
        }
        for origin in [
            "https://evil.example",
            "http://shop.example",
            "null",
            "https://shop.example:8443",
        ] {
            assert!(!allowed(Method::DELETE, &[("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn a_request_that_says_nothing_passes_only_without_cookies() {
        assert!(allowed(Method::POST, &[]));
        assert!(!allowed(Method::POST, &[("cookie", "session=x")]));
    }

    #[test]
    fn reading_is_always_allowed() {
        assert!(allowed(
            Method::GET,
            &[("sec-fetch-site", "cross-site"), ("cookie", "a=b")]
        ));
    }
}
