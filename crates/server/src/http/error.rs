//! The one error of every handler. What it looks like is for the layer `render` to decide.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;
use crate::http::forms::FieldErrors;

mod billing;
mod orders;
mod render;
mod users;
mod webhooks;

pub(crate) use render::{ErrorId, render};
pub(crate) use users::WRONG_PASSWORD;

/// What a handler returns.
pub type Result<T = Response, E = AppError> = std::result::Result<T, E>;

/// Why a request was not served. Each variant says what the client sees.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// 400: the request cannot be read; the text says why and holds nothing secret.
    #[error("unreadable request: {0}")]
    BadRequest(Cow<'static, str>),
    /// A page sends to the sign-in form and back afterwards; the API answers 401.
    #[error("nobody is signed in")]
    SignInRequired,
    /// 401: a password or a token that is not valid; the text says what to do and not which part was wrong.
    #[error("credentials refused")]
    CredentialsRefused(&'static str),
    /// 403: known, and not allowed. For another person's things answer [`AppError::NotFound`].
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// 404: not there, or not this person's.
    #[error("not found")]
    NotFound,
    /// 405: the route knows other methods.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// 408: the request's body did not arrive in time.
    #[error("the body did not arrive in time")]
    BodyTimedOut,
    /// 409: understood, and not possible in the present state. The code is for programs, the text for people.
    #[error("conflict: {code}")]
    Conflict {
        /// A stable name such as `order_not_payable`.
        code: &'static str,
        /// A sentence that says what to do.
        detail: Cow<'static, str>,
    },
    /// 409: the same request, under the same key, is being served just now.
    #[error("request in progress")]
    InProgress,
    /// 410: a link that has expired or was used.
    #[error("gone: {0}")]
    Gone(&'static str),
    /// 413: more bytes than the route takes.
    #[error("request body too large")]
    TooLarge,
    /// 415: the route takes another content type, which the text names.
    #[error("unsupported media type: expected {0}")]
    UnsupportedMediaType(&'static str),
    /// 422: fields that are read but not valid. A page shows its form again instead.
    #[error("{0}")]
    Invalid(FieldErrors),
    /// 422: a key that stands for another request already.
    #[error("idempotency key reused")]
    IdempotencyKeyReused,
    /// 429: too many attempts.
    #[error("too many requests")]
    TooManyRequests {
        /// When another attempt can succeed.
        retry_after: Duration,
    },
    /// 503: more load than the process or its database carries; asks to come back in a moment.
    #[error("overloaded")]
    Overloaded,
    /// 503: somebody whom the request depends on does not answer; the text says what that means for the person.
    #[error("a partner is unavailable")]
    PartnerUnavailable(&'static str),
    /// 503: the handler did not end within its deadline.
    #[error("deadline passed")]
    TimedOut,
    /// 500: a handler panicked. The panic itself is reported by the panic hook.
    #[error("panic")]
    Panicked,
    /// 500 with fixed text: nothing of the cause reaches the client.
    #[error("unexpected error")]
    Unexpected(#[source] anyhow::Error),
}

impl From<anyhow::Error> for AppError {
    fn from(error: anyhow::Error) -> Self {
        if platform::db::is_overload(&error) {
            Self::Overloaded
        } else if platform::is_away(&error) {
            tracing::warn!(chain = format!("{error:#}"), "a partner is away");
            Self::PartnerUnavailable(
                "A part of the shop does not work at the moment. Please try again in a minute.",
            )
        } else {
            Self::Unexpected(error)
        }
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        Self::Unexpected(anyhow::Error::new(error).context("render a page"))
    }
}

/// What the outside is told.
pub(crate) struct Description {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: Cow<'static, str>,
}

impl AppError {
    /// 409 with a stable `code` for programs and a sentence for people.
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    /// What the outside is told.
    pub(crate) fn describe(&self) -> Description {
        let (status, code, title) = self.kind();
        Description {
            status,
            code,
            title,
            detail: self.detail(),
        }
    }

    /// The status, a stable name for programs, and a headline for people.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest(_) => (S::BAD_REQUEST, "bad_request", "We could not read that"),
            Self::SignInRequired => (S::UNAUTHORIZED, "sign_in_required", "Please sign in"),
            Self::CredentialsRefused(_) => (
                S::UNAUTHORIZED,
                "credentials_refused",
                "We could not sign you in",
            ),
            Self::Forbidden(_) => (S::FORBIDDEN, "forbidden", "That is not allowed"),
            Self::NotFound => (S::NOT_FOUND, "not_found", "Nothing here"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "That does not work here",
            ),
            Self::BodyTimedOut => (S::REQUEST_TIMEOUT, "body_timed_out", "That took too long"),
            Self::Conflict { code, .. } => (S::CONFLICT, code, "That is not possible now"),
            Self::InProgress => (
                S::CONFLICT,
                "request_in_progress",
                "That is being done just now",
            ),
            Self::Gone(_) => (S::GONE, "gone", "This link no longer works"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", "That is too large"),
            Self::UnsupportedMediaType(_) => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "We cannot take that format",
            ),
            Self::Invalid(_) => (
                S::UNPROCESSABLE_ENTITY,
                "invalid_fields",
                "Please check what you entered",
            ),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "That key was used before",
            ),
            Self::TooManyRequests { .. } => (
                S::TOO_MANY_REQUESTS,
                "too_many_requests",
                "Too many attempts",
            ),
            Self::Overloaded => (S::SERVICE_UNAVAILABLE, "overloaded", "Very busy right now"),
            Self::PartnerUnavailable(_) => (
                S::SERVICE_UNAVAILABLE,
                "partner_unavailable",
                "Not possible at the moment",
            ),
            Self::TimedOut => (S::SERVICE_UNAVAILABLE, "timed_out", "That took too long"),
            Self::Panicked | Self::Unexpected(_) => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side",
            ),
        }
    }

    /// What to do about it.
    fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::BadRequest(detail) | Self::Conflict { detail, .. } => detail.clone(),
            Self::CredentialsRefused(detail)
            | Self::Forbidden(detail)
            | Self::Gone(detail)
            | Self::PartnerUnavailable(detail) => (*detail).into(),
            Self::InProgress => {
                "The same request came a moment ago and is not done yet. Try again in a few seconds.".into()
            }
            Self::SignInRequired => "Send a valid access token.".into(),
            Self::NotFound => {
                "It may have moved, or it never was. Check the address for a typing mistake.".into()
            }
            Self::MethodNotAllowed => "This address takes requests of another method.".into(),
            Self::BodyTimedOut => "Not all of it arrived in time. Send it again.".into(),
            Self::TooLarge => "Send less at once.".into(),
            Self::UnsupportedMediaType(expected) => format!("Send it as {expected}.").into(),
            Self::Invalid(errors) => match errors.left_out() {
                0 => "Some fields are not valid.".into(),
                more => format!("Some fields are not valid: those named, and {more} more.").into(),
            },
            Self::IdempotencyKeyReused => {
                "This was sent before with other contents. Open the form again; a program chooses a new Idempotency-Key."
                    .into()
            }
            Self::TooManyRequests { retry_after } => {
                format!("Try again in {} seconds.", retry_after.as_secs().max(1)).into()
            }
            Self::Overloaded => {
                "More people are here than we can serve. Try again in a few seconds.".into()
            }
            Self::TimedOut => "We stopped before it was done. Try again in a few seconds.".into(),
            Self::Panicked | Self::Unexpected(_) => {
                "It is noted, and we will look into it. Try again in a moment.".into()
            }
        }
    }

    /// After how many seconds another attempt can succeed.
    fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { retry_after } => Some(retry_after.as_secs().max(1)),
            Self::InProgress | Self::Overloaded | Self::TimedOut => Some(2),
            Self::PartnerUnavailable(_) => Some(60),
            _ => None,
        }
    }

    /// Tells the log once, at this boundary, what the client is not told. Returns the id that both will name.
    fn report(&self, app: &App) -> Option<String> {
        match self {
            Self::Unexpected(error) => {
                let error_id = hex::encode(app.platform().entropy.bytes::<8>());
                let source: &(dyn std::error::Error + 'static) = error.as_ref();
                tracing::error!(error = source, chain = format!("{error:#}"), tags.error_id = %error_id, "request failed");
                Some(error_id)
            }
            Self::Panicked => Some(hex::encode(app.platform().entropy.bytes::<8>())),
            _ => None,
        }
    }
}

impl IntoResponse for AppError {
    /// A bare status that carries the error to the layer `render`, which alone knows whether a page or a program asked.
    fn into_response(self) -> Response {
        let mut response = self.describe().status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
