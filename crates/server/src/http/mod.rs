//! HTTP: the router, and the layers around it in their order.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use chrono::{DateTime, Utc};
use platform::backups::Backups;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::http::error::AppError;
use crate::telemetry;

mod accounts;
pub mod api;
pub mod assets;
pub mod client;
pub mod context;
pub mod csrf;
mod decode;
mod detach;
pub mod error;
pub mod extract;
mod files;
pub mod forms;
pub mod headers;
pub mod health;
pub(crate) mod idempotency;
pub mod limits;
pub mod observe;
pub mod pages;
mod payment;
mod pictures;
pub mod session;
#[cfg(test)]
mod tests;
mod uploads;

/// Everything that is served to the outside.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .merge(pages::routes(&app))
        .merge(api::routes(&app))
        .merge(assets::routes())
        .merge(files::routes())
        .merge(pictures::routes())
        .merge(payment::routes())
        .merge(health::routes());
    layered(routes, app)
}

/// `routes` with everything that stands around each of them.
///
/// A layer added later stands further out. Each comment says why its layer stands where it does.
fn layered(routes: Router<App>, app: App) -> Router {
    routes
        .method_not_allowed_fallback(async || AppError::MethodNotAllowed)
        // Innermost: only extractors that read a body ask for it.
        .layer(DefaultBodyLimit::max(limits::BODY))
        // Around all that a handler does, so that neither a slow body nor a database that is silent can hold a request.
        .layer(from_fn_with_state(app.clone(), limits::deadline))
        // Outside the deadline, whose code could panic too; inside `render`, which gives the answer its shape.
        .layer(CatchPanicLayer::custom(limits::caught_panic))
        // Before any work, and inside `render`, because a refusal has the shape of every other error. It knows nothing but a
        // counter: neither a slow body nor the database can delay it. Inside `see_through`, so that work which goes on after
        // its client has left keeps its place.
        .layer(from_fn_with_state(app.clone(), limits::admit))
        // Outside everything that fails: whatever went wrong becomes a page or a problem document here and nowhere else.
        .layer(from_fn_with_state(app.clone(), error::render))
        // Error pages are compressed like others. What an inner route has encoded already is left alone.
        .layer(CompressionLayer::new())
        // Outside `render`: error pages need the policy as much as others.
        .layer(from_fn_with_state(app.clone(), headers::secure))
        // The id, the client's address and the clock of the request exist before anything can go wrong.
        .layer(from_fn_with_state(app.clone(), observe::observe))
        // Outermost: span, correlation, error scope and statement tally belong to a task, so all of them are made inside the
        // one that survives the connection, and the line about the request tells how it really ended.
        .layer(from_fn_with_state(app.clone(), detach::see_through))
        .with_state(app)
}

/// What is served on the private port, to the operator's own network.
pub fn private_router(app: App) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .merge(health::routes())
        .merge(health::routes_for_operators())
        .with_state(app)
}

/// The process's metrics in Prometheus' text format.
async fn metrics(State(app): State<App>) -> String {
    /// How long the metrics wait for figures from the database, all together.
    const PATIENCE: Duration = Duration::from_secs(1);

    let pool = app.platform().db.pool();
    metrics::gauge!("db_pool_connections").set(f64::from(pool.size()));
    metrics::gauge!("db_pool_idle").set(u32::try_from(pool.num_idle()).map_or(f64::NAN, f64::from));
    metrics::gauge!("db_pool_max").set(f64::from(pool.options().get_max_connections()));
    // Metrics are most needed when the database is away, so they do not wait for it: what it has not told stays as it was.
    let _ = timeout(PATIENCE, publish_what_is_stored(&app)).await;
    let handle = telemetry::metrics();
    handle.run_upkeep();
    handle.render()
}

/// Figures that are read at each scrape, so that every process tells the same, and a new one too.
async fn publish_what_is_stored(app: &App) {
    if let Ok(open) = app.billing().count_mismatches().await {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("billing_mismatches").set(open as f64);
    }
    let backups = Backups::new(app.platform());
    if let Ok(known) = backups.safeguards().await {
        publish("backup_last_timestamp_seconds", known.backup);
        publish(
            "backup_last_verified_restore_timestamp_seconds",
            known.verified_restore,
        );
        publish("backup_last_archived_timestamp_seconds", known.archived);
    }
}

/// A time as Prometheus has them, from which its alarms take the age. What never happened has none, which is an alarm too.
fn publish(gauge: &'static str, time: Option<DateTime<Utc>>) {
    if let Some(time) = time {
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!(gauge).set(time.timestamp() as f64);
    }
}
