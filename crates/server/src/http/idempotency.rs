//! The header `Idempotency-Key`: a program that lost the answer to a POST sends it again, and nothing happens twice.
//!
//! It counts for requests with an access token. What nobody is signed in for is either harmless to repeat or, like a new
//! token, must not be kept (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>).

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use platform::idempotency::{self, Answer, Claim, Claimed};
use sha2::Sha256;

use crate::app::App;
use crate::http::api::ApiUser;
use crate::http::error::{AppError, Result};
use crate::http::limits;

pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Answers with tokens, which are stored nowhere but as hashes.
const NEVER_KEPT: &str = "/api/v1/auth/";

/// The longest answer that is kept. No POST answers with more.
const MAX_ANSWER: usize = 1024 * 1024;

/// Serves a POST with a key once, and its repetitions from what was kept.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let may_be_kept = !request.uri().path().starts_with(NEVER_KEPT);
    if request.method() == Method::POST && request.headers().contains_key(KEY) && may_be_kept {
        serve_once(&app, request, next).await.into_response()
    } else {
        next.run(request).await
    }
}

async fn serve_once(app: &App, request: Request, next: Next) -> Result {
    let (mut parts, body) = request.into_parts();
    let Ok(user) = ApiUser::from_request_parts(&mut parts, app).await else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let body = to_bytes(body, limits::BODY)
        .await
        .map_err(|_| AppError::TooLarge)?;
    let claimed = app
        .idempotency()
        .claim(idempotency::Request {
            user_id: user.id(),
            key: key(&parts)?,
            fingerprint: fingerprint(app.fingerprint_key(), &parts, &body),
        })
        .await?;
    match claimed {
        Claimed::First(claim) => {
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            settle(app, claim, response).await
        }
        Claimed::Answered(answer) => Ok(replay(answer)),
        Claimed::InProgress => Err(AppError::conflict(
            "request_in_progress",
            "A request with this key is being served. Send it again in a moment.",
        )),
        Claimed::OtherRequest => Err(AppError::IdempotencyKeyReused),
    }
}

/// Keeps the answer of a request that did something; of any other the key is free again.
async fn settle(app: &App, claim: Claim, response: Response) -> Result {
    if !response.status().is_success() {
        app.idempotency().give_back(claim).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER).await.map_err(|error| {
        AppError::Unexpected(anyhow::Error::new(error).context("read an answer to keep"))
    })?;
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let answer = Answer {
        status: parts.status.as_u16(),
        content_type: content_type
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        body: body.clone(),
    };
    app.idempotency().keep(claim, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(answer: Answer) -> Response {
    let mut response = answer.body.into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    if let Some(content_type) = answer
        .content_type
        .and_then(|text| HeaderValue::try_from(text).ok())
    {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn key(parts: &Parts) -> Result<String> {
    let key = parts
        .headers
        .get(KEY)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if (1..=255).contains(&key.len()) {
        Ok(key.to_owned())
    } else {
        Err(AppError::BadRequest(
            "Idempotency-Key must have 1 to 255 visible characters.".into(),
        ))
    }
}

/// All that the request asks for. Lengths stand before the parts, so that no two requests read the same.
fn fingerprint(secret: &[u8], parts: &Parts, body: &Bytes) -> [u8; 32] {
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    for part in [parts.method.as_str().as_bytes(), target.as_bytes(), body] {
        mac.update(&part.len().to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
