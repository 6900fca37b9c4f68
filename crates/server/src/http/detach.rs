//! Requests that change something are seen through, though their client has gone.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::app::App;

/// Whether the client still waits. The outermost layer puts it among the extensions of a request that is seen through.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientGone(Arc<AtomicBool>);

impl ClientGone {
    pub(crate) fn has_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notes, when it is dropped before [`Watch::stayed`], that nobody waits any more.
struct Watch(Option<ClientGone>);

impl Watch {
    fn stayed(mut self) {
        self.0 = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(client) = &self.0 {
            client.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Serves a request with an unsafe method in a task of its own, which ends by itself: done, refused, or rolled back at its
/// deadline. A connection that breaks takes along the future that waits for the answer, and nothing else. A request that
/// only reads is dropped together with it, to save its work.
pub(crate) async fn see_through(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let client = ClientGone::default();
    request.extensions_mut().insert(client.clone());
    let watch = Watch(Some(client));
    let served = app.tasks().spawn(next.run(request)).await;
    watch.stayed();
    served.unwrap_or_else(|error| match error.try_into_panic() {
        // As it would without the task: hyper closes the connection.
        Ok(panic) => resume_unwind(panic),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
}
