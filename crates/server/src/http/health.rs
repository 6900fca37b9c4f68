//! Whether the process lives (`/livez`), whether to send it requests (`/readyz`), and what it depends on (`/healthz`).

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use platform::{Platform, migrations};

use crate::app::App;
use crate::migrations::all;

mod report;

/// Readiness is sticky: once migrations, database and Redis were seen, it stays until the process is told to stop. An
/// outage that both colours of a release share must not take both out of the proxy: pages that need neither go on.
#[derive(Debug, Default)]
pub struct Readiness {
    reached: AtomicBool,
    draining: AtomicBool,
}

impl Readiness {
    /// From now on the proxy is told to send requests elsewhere; those that still come are served.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn is_ready(&self) -> bool {
        self.reached.load(Ordering::Relaxed) && !self.draining.load(Ordering::Relaxed)
    }
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(ready))
}

/// What only staff may see; it needs the layer that knows who is signed in.
pub(crate) fn routes_for_staff() -> Router<App> {
    Router::new().route("/healthz", get(report::for_staff))
}

/// The same for whoever reaches the private port.
pub(crate) fn routes_for_operators() -> Router<App> {
    Router::new().route("/healthz", get(report::for_operators))
}

async fn ready(State(app): State<App>) -> Response {
    if app.readiness().draining.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining").into_response();
    }
    if !app.readiness().reached.load(Ordering::Relaxed) {
        if let Err(error) = reach(app.platform().clone()).await {
            tracing::warn!(chain = format!("{error:#}"), "not ready");
            return (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response();
        }
        app.readiness().reached.store(true, Ordering::Relaxed);
    }
    "ready".into_response()
}

async fn reach(platform: Platform) -> anyhow::Result<()> {
    platform.redis.ping().await.context("reach Redis")?;
    migrations::require(&platform.db, &all()).await
}
