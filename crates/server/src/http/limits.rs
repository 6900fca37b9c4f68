//! How much one request may send, and how long it may take.

use std::any::Any;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::error::AppError;

/// The largest form or JSON document. Files go to object storage and rarely pass here.
pub(crate) const BODY: usize = 256 * 1024;

/// How long a handler may take, reading the request's body included.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// How long a file may take to arrive: 10 MiB over a slow line.
const UPLOAD_DEADLINE: Duration = Duration::from_mins(2);

/// Ends a request at its deadline. Its future is dropped, so a transaction that it holds rolls back.
pub(crate) async fn deadline(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let upload = path.starts_with("/files/") || path == "/account/avatar";
    let deadline = if upload { UPLOAD_DEADLINE } else { DEADLINE };
    tokio::time::timeout(deadline, next.run(request))
        .await
        .unwrap_or_else(|_| AppError::TimedOut.into_response())
}

/// Turns a panic into an error page; the panic hook has reported it by then.
pub(crate) fn caught_panic(_: Box<dyn Any + Send>) -> Response {
    AppError::Panicked.into_response()
}
