use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use platform::idempotency::Answer;

use crate::http::error::{AppError, Result};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest answer that is kept. No POST answers with more.
const MAX_ANSWER: usize = 1024 * 1024;

/// The response, and what to keep of it: all that its handler has said. Layers further out add the rest to each repetition.
pub(super) async fn record(response: Response) -> Result<(Response, Answer)> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER).await.map_err(|error| {
        AppError::Unexpected(anyhow::Error::new(error).context("read an answer to keep"))
    })?;
    let text = |name| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let answer = Answer {
        status: parts.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        set_cookie: text(header::SET_COOKIE),
        body: body.clone(),
    };
    Ok((Response::from_parts(parts, Body::from(body)), answer))
}

pub(super) fn replay(answer: Answer) -> Response {
    let mut response = answer.body.into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    for (name, text) in [
        (header::CONTENT_TYPE, answer.content_type),
        (header::LOCATION, answer.location),
        (header::SET_COOKIE, answer.set_cookie),
    ] {
        headers.remove(&name);
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
