//! How much one request may send, and how long it may take.

use std::any::Any;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use platform::db::Silent;

use crate::app::App;
use crate::http::error::AppError;

/// The largest form or JSON document. Files go to object storage and rarely pass here.
pub(crate) const BODY: usize = 256 * 1024;

/// How long a handler may take, reading the request's body included.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// How long a form or a JSON document may take to arrive. Less than [`DEADLINE`], so that a client that does not send is told
/// so, and the server is not blamed.
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(8);

/// How long a form with a file may take to arrive. Less than [`UPLOAD_DEADLINE`] likewise.
pub(crate) const UPLOAD_BODY_DEADLINE: Duration = Duration::from_secs(110);

/// How long a file may take to arrive: 10 MiB over a slow line.
const UPLOAD_DEADLINE: Duration = Duration::from_mins(2);

/// What is served however busy the process is: a probe that is refused would have a process that is merely busy restarted,
/// and a page without its style sheet, which is in memory, is a broken page.
const ALWAYS_ADMITTED: [&str; 3] = ["/livez", "/readyz", "/assets/"];

/// Refuses what comes on top of as many requests as the process can serve in time.
///
/// A place is held until the answer begins. Nobody queues for one: the queue that is useful is the one for connections to
/// the database, whose length the number of places bounds.
pub(crate) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if ALWAYS_ADMITTED
        .iter()
        .any(|always| path.starts_with(always))
    {
        return next.run(request).await;
    }
    let Ok(_place) = app.places().try_acquire() else {
        metrics::counter!("http_requests_shed_total").increment(1);
        return AppError::Overloaded.into_response();
    };
    next.run(request).await
}

/// Ends a request at its deadline, or before it if it waits for a database that answers nobody. Its future is dropped, so a
/// transaction that it holds rolls back.
pub(crate) async fn deadline(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let upload = path.starts_with("/files/")
        || path == "/account/avatar"
        || (path.starts_with("/orders/") && path.ends_with("/attachments"));
    let deadline = if upload { UPLOAD_DEADLINE } else { DEADLINE };
    let served = app.platform().db.unless_silent(next.run(request));
    match tokio::time::timeout(deadline, served).await {
        Ok(Ok(response)) => response,
        Ok(Err(Silent)) | Err(_) => AppError::TimedOut.into_response(),
    }
}

/// Turns a panic into an error page; the panic hook has reported it by then.
pub(crate) fn caught_panic(_: Box<dyn Any + Send>) -> Response {
    AppError::Panicked.into_response()
}
