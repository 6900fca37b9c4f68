//! What all pages share: rendering, headers, the stylesheet, and how a form or a program is answered.

use std::fmt::Write;

use askama::Template;
use axum::{
    Form, Json, RequestExt,
    extract::{FromRequest, Request},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{Html, IntoResponse, Redirect, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

/// Renders a page. Browsers apply `form-action` to redirects after a form too, so the addresses
/// to which a page's form may lead in the end are part of its policy.
pub(crate) fn page(template: &impl Template, leads_to: &[&Url]) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "page not rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut policy = "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; \
                      base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        .to_owned();
    for url in leads_to {
        let _ = write!(policy, " {}", url.origin().ascii_serialization());
    }
    let policy = HeaderValue::from_str(&policy)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

/// Headers of every answer. A policy that a handler has set is left alone.
pub(crate) async fn add_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'"));
    response
}

pub(crate) async fn stylesheet() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("../templates/sandbox.css"),
    )
}

/// Minor units as people write them: `12.50 EUR`.
pub(crate) fn amount(minor: i64, currency: &str) -> String {
    let currency = currency.to_uppercase();
    format!("{}.{:02} {currency}", minor / 100, minor % 100)
}

/// The answer to a change: back to the page for a browser, the outcome for a program.
pub(crate) fn done(headers: &HeaderMap, page: &str, outcome: &impl Serialize) -> Response {
    // Not fuzzed: a word is looked for.
    let is_browser = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if is_browser {
        Redirect::to(page).into_response()
    } else {
        Json(outcome).into_response()
    }
}

/// A body that may be a form, from the page, or JSON, from a test.
pub(crate) struct FormOrJson<T>(pub(crate) T);

impl<S, T> FromRequest<S> for FormOrJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned + 'static,
{
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if is_json {
            let Json(body) = request
                .extract()
                .await
                .map_err(IntoResponse::into_response)?;
            Ok(Self(body))
        } else {
            let Form(body) = request
                .extract()
                .await
                .map_err(IntoResponse::into_response)?;
            Ok(Self(body))
        }
    }
}
