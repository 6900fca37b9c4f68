//! Requests that are sent again, because their answer got lost or a button was pressed twice: they happen once, and each
//! gets the first one's answer.
//!
//! Programs choose a key in the header `Idempotency-Key`
//! (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>). It counts for requests with an access
//! token: what nobody is signed in for is either harmless to repeat or, like a new token, must not be kept. Forms that cost
//! money carry a key in a hidden field.
//!
//! A handler whose repetition would do more than the first asks for [`Once`] and commits effect and answer together. The
//! answers of all others are kept after their effect, which is enough where a repetition is harmless:
//! `docs/decisions/0008-answers-commit-with-their-effect.md` lists which is which.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use http::{HeaderName, Method};
use kernel::UserId;
use platform::idempotency::{self, Claimed, KeepError};
use sha2::Sha256;
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::http::api::ApiUser;
use crate::http::context::Context;
use crate::http::error::{AppError, Result};
use crate::http::limits;

mod answer;
mod once;

use once::Held;
pub(crate) use once::Once;

/// The header in which programs send their key.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The hidden field in which forms send theirs.
pub(crate) const FIELD: &str = "idempotency_key";

/// How long a claim holds without an answer: the deadline, after which a request is rolled back and gives its key back by
/// itself, and a little for clocks that disagree. What outlives it is the claim of a process that died, whose client is
/// told to wait until then.
pub(crate) const CLAIM: Duration = Duration::from_secs(limits::DEADLINE.as_secs() + 5);

/// Answers with tokens, which are stored nowhere but as hashes.
const NEVER_KEPT: &str = "/api/v1/auth/";

/// How long the second click waits for the first one's answer. A program is told at once, and comes back by itself.
const PATIENCE: Duration = Duration::from_secs(8);

const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Serves a program's POST with a key once, and its repetitions from what was kept.
pub(crate) async fn by_header(State(app): State<App>, request: Request, next: Next) -> Response {
    let may_be_kept = !request.uri().path().starts_with(NEVER_KEPT);
    if request.method() != Method::POST || !request.headers().contains_key(KEY) || !may_be_kept {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(user) = ApiUser::from_request_parts(&mut parts, &app).await else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let served = async {
        let key = checked(parts.headers.get(KEY).and_then(|key| key.to_str().ok()))?;
        let body = read(body).await?;
        serve(&app, user.id(), key, Duration::ZERO, (parts, body), next).await
    };
    served.await.into_response()
}

/// Serves a form with a key once, and each further click from what was kept. A form without a key, rendered by a release
/// before, is served as it is.
pub(crate) async fn by_form(State(app): State<App>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Context>();
    let user_id = context.and_then(|context| Some(context.signed_in()?.actor.user_id));
    let Some(user_id) = user_id.filter(|_| request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let served = async {
        let body = read(body).await?;
        // Not fuzzed: `Node::of_form` and `checked` are; here one field is looked for.
        let mut fields = url::form_urlencoded::parse(&body);
        let key = fields.find_map(|(name, value)| (name == FIELD).then_some(value));
        let Some(key) = key else {
            let request = Request::from_parts(parts, Body::from(body));
            return Ok(next.run(request).await);
        };
        let key = checked(Some(&*key))?;
        serve(&app, user_id, key, PATIENCE, (parts, body), next).await
    };
    served.await.into_response()
}

async fn serve(
    app: &App,
    user_id: UserId,
    key: String,
    patience: Duration,
    (parts, body): (Parts, Bytes),
    next: Next,
) -> Result {
    let fingerprint = fingerprint(app.fingerprint_key(), &parts, &body);
    let request = idempotency::Request {
        user_id,
        key,
        fingerprint,
    };
    match claim(app, request, patience).await? {
        Claimed::First(claim) => {
            let held = Arc::new(Held::new(app.clone(), claim));
            let mut request = Request::from_parts(parts, Body::from(body));
            request.extensions_mut().insert(Arc::clone(&held));
            held.settle(next.run(request).await).await
        }
        Claimed::Answered(kept) => Ok(answer::replay(kept)),
        Claimed::InProgress => Err(AppError::InProgress),
        Claimed::OtherRequest => Err(AppError::IdempotencyKeyReused),
    }
}

/// Claims the key, or waits for whoever has it. No connection is held meanwhile.
async fn claim(
    app: &App,
    request: idempotency::Request,
    patience: Duration,
) -> anyhow::Result<Claimed> {
    let give_up = Instant::now() + patience;
    loop {
        match app.idempotency().claim(request.clone()).await? {
            Claimed::InProgress if Instant::now() < give_up => sleep(LOOK_AGAIN).await,
            claimed => return Ok(claimed),
        }
    }
}

async fn read(body: Body) -> Result<Bytes> {
    tokio::time::timeout(limits::BODY_DEADLINE, to_bytes(body, limits::BODY))
        .await
        .map_err(|_| AppError::BodyTimedOut)?
        .map_err(|_| AppError::TooLarge)
}

fn checked(key: Option<&str>) -> Result<String> {
    let key = key.unwrap_or_default();
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
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

impl From<KeepError> for AppError {
    fn from(error: KeepError) -> Self {
        match error {
            // Whoever holds the key now is serving the same request.
            KeepError::ClaimLost => Self::InProgress,
            KeepError::Unexpected(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        fuzzing::bytes("idempotency_key", |value| {
            let Ok(value) = http::HeaderValue::from_bytes(value) else {
                return;
            };
            if let Ok(key) = checked(value.to_str().ok()) {
                assert!((1..=255).contains(&key.len()));
                assert!(key.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        });
    }
}
