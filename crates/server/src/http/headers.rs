//! The security headers of every response.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

use crate::app::{App, Site};
use crate::http::context::Context;

/// Two years, the least that browsers' preload lists ask for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// Sets the headers that keep a browser from doing what the page did not ask for (OWASP secure headers).
pub(crate) async fn secure(State(app): State<App>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Context>().cloned();
    // A session, a cart, a message for one person: whatever a cookie stands for is in the page.
    let personal = request.headers().contains_key(header::COOKIE);
    let mut response = next.run(request).await;
    let (Some(context), headers) = (context, response.headers_mut()) else {
        return response;
    };

    // A route may state its own policy, as the viewer of the API's description does.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY)
        && let Ok(policy) = content_security_policy(app.site(), &context.nonce).parse()
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        let personal = personal || context.is_api() || headers.contains_key(header::SET_COOKIE);
        let policy = if personal { "no-store" } else { "no-cache" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
    }
    if app.site().is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Addresses can hold tokens and order numbers: other sites learn the origin at most.
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

fn content_security_policy(site: &Site, nonce: &str) -> String {
    let storage = site.storage_origin.as_deref().unwrap_or_default();
    // Browsers follow a form's redirect only to where `form-action` allows, and paying leads to the provider.
    let payment = &site.payment_origin;
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; \
         img-src 'self' data: {storage}; connect-src 'self' {storage}; font-src 'self'; manifest-src 'self'; \
         form-action 'self' {payment}; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[test]
    fn scripts_need_this_responses_nonce_and_nothing_is_unsafe() {
        let policy = content_security_policy(&Settings::for_tests().site, "abc");
        for part in [
            "script-src 'nonce-abc' 'strict-dynamic'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn images_may_come_from_object_storage_and_forms_may_lead_to_the_payment_page() {
        let site = Site {
            storage_origin: Some("https://bucket.example".to_owned()),
            payment_origin: "https://pay.example".to_owned(),
            ..Settings::for_tests().site
        };
        let policy = content_security_policy(&site, "abc");
        assert!(
            policy.contains("img-src 'self' data: https://bucket.example;"),
            "{policy}"
        );
        assert!(
            policy.contains("connect-src 'self' https://bucket.example;"),
            "{policy}"
        );
        assert!(
            policy.contains("form-action 'self' https://pay.example;"),
            "{policy}"
        );
    }
}
