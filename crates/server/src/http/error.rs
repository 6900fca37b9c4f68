//! The one error of every handler, and the layer that turns it into a page or into problem details.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, Method, StatusCode, header};

use crate::app::App;
use crate::http::api::Problem;
use crate::http::context::Context;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};

mod billing;
mod orders;
mod users;

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
    /// 403: known, and not allowed. For another person's things answer [`AppError::NotFound`].
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// 404: not there, or not this person's.
    #[error("not found")]
    NotFound,
    /// 405: the route knows other methods.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// 409: understood, and not possible in the present state. The code is for programs, the text for people.
    #[error("conflict: {code}")]
    Conflict {
        /// A stable name such as `order_not_payable`.
        code: &'static str,
        /// A sentence that says what to do.
        detail: Cow<'static, str>,
    },
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
        let (status, code, title, detail) = match self {
            Self::BadRequest(detail) => (
                StatusCode::BAD_REQUEST,
                "bad_request",
                "We could not read that",
                detail.clone(),
            ),
            Self::SignInRequired => (
                StatusCode::UNAUTHORIZED,
                "sign_in_required",
                "Please sign in",
                "Send a valid access token.".into(),
            ),
            Self::Forbidden(detail) => (
                StatusCode::FORBIDDEN,
                "forbidden",
                "That is not allowed",
                (*detail).into(),
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "not_found",
                "Nothing here",
                "It may have moved, or it never was. Check the address for a typing mistake."
                    .into(),
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "That does not work here",
                "This address takes requests of another method.".into(),
            ),
            Self::Conflict { code, detail } => (
                StatusCode::CONFLICT,
                *code,
                "That is not possible now",
                detail.clone(),
            ),
            Self::Gone(detail) => (
                StatusCode::GONE,
                "gone",
                "This link no longer works",
                (*detail).into(),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "That is too large",
                "Send less at once.".into(),
            ),
            Self::UnsupportedMediaType(expected) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "We cannot take that format",
                format!("Send it as {expected}.").into(),
            ),
            Self::Invalid(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_fields",
                "Please check what you entered",
                "Some fields are not valid.".into(),
            ),
            Self::IdempotencyKeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "That key was used before",
                "This Idempotency-Key stands for another request. Choose a new one.".into(),
            ),
            Self::TooManyRequests { retry_after } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "Too many attempts",
                format!("Try again in {} seconds.", retry_after.as_secs().max(1)).into(),
            ),
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "Very busy right now",
                "More people are here than we can serve. Try again in a few seconds.".into(),
            ),
            Self::PartnerUnavailable(detail) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "partner_unavailable",
                "Not possible at the moment",
                (*detail).into(),
            ),
            Self::TimedOut => (
                StatusCode::SERVICE_UNAVAILABLE,
                "timed_out",
                "That took too long",
                "We stopped before it was done. Try again in a few seconds.".into(),
            ),
            Self::Panicked | Self::Unexpected(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side",
                "It is noted, and we will look into it. Try again in a moment.".into(),
            ),
        };
        Description {
            status,
            code,
            title,
            detail,
        }
    }

    /// After how many seconds another attempt can succeed.
    fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { retry_after } => Some(retry_after.as_secs().max(1)),
            Self::Overloaded | Self::TimedOut => Some(2),
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
    /// A bare status that carries the error to [`render`], which alone knows whether a page or a program asked.
    fn into_response(self) -> Response {
        let mut response = self.describe().status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The id of a 500, for the canonical log line.
#[derive(Clone, Debug)]
pub(crate) struct ErrorId(pub(crate) String);

/// Gives every [`AppError`] its shape: a page for browsers, problem details (RFC 9457) for programs.
pub(crate) async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Context>().cloned();
    let method = request.method().clone();
    let return_to = request.uri().path_and_query().map(ToString::to_string);
    let mut response = next.run(request).await;
    let (Some(error), Some(context)) =
        (response.extensions_mut().remove::<Arc<AppError>>(), context)
    else {
        return response;
    };

    let error_id = error.report(&app);
    let mut shaped = if context.is_api() {
        Problem::new(&error, &context.request_id, error_id.as_deref()).into_response()
    } else if matches!(*error, AppError::SignInRequired) {
        to_sign_in(&method, return_to.as_deref())
    } else {
        error_page(&app, &context, &error, error_id.as_deref())
    };
    // What inner layers set, such as `Allow` or a cookie, stays.
    for (name, value) in response.headers() {
        if !shaped.headers().contains_key(name) {
            shaped.headers_mut().append(name, value.clone());
        }
    }
    if let Some(seconds) = error.retry_after_secs() {
        shaped
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(error_id) = error_id {
        shaped.extensions_mut().insert(ErrorId(error_id));
    }
    shaped
}

/// Sends to the sign-in form. Only what a GET asked for can be shown afterwards: a POST is not repeated on anybody's behalf.
fn to_sign_in(method: &Method, return_to: Option<&str>) -> Response {
    match return_to {
        Some(path) if method == Method::GET => {
            let query = serde_urlencoded::to_string([("next", path)]).unwrap_or_default();
            Redirect::to(&format!("/sign-in?{query}")).into_response()
        }
        _ => Redirect::to("/sign-in").into_response(),
    }
}

fn error_page(app: &App, context: &Context, error: &AppError, error_id: Option<&str>) -> Response {
    let Description {
        status,
        title,
        detail,
        ..
    } = error.describe();
    let page = pages::ErrorPage {
        layout: Layout::bare(app, context),
        status: status.as_u16(),
        title,
        detail: &detail,
        error_id,
    };
    let mut response = match pages::show(&page) {
        Ok(response) => response,
        // The page that says that something failed has failed itself: plain text cannot.
        Err(_) => title.into_response(),
    };
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
