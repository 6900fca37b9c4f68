//! The id that ties a request's log lines to those of the jobs it caused.

use std::future::Future;

tokio::task_local! {
    static CURRENT: String;
}

/// Runs `work` under `id`: what it logs, publishes and enqueues carries that id.
pub async fn scope<F: Future>(id: String, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The id of the request or job that is being served, if there is one.
#[must_use]
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}
