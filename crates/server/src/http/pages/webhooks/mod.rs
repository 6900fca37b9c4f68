//! Pages of the module `webhooks`.

use axum::Router;
use axum::routing::{get, post};
use kernel::EndpointId;
use webhooks::{DeliveryStatus, EndpointStatus, EventKind};

use crate::app::App;

mod changes;
mod endpoint;
mod endpoints;
#[cfg(test)]
mod tests;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/account/webhooks",
            get(endpoints::list).post(endpoints::register),
        )
        .route("/account/webhooks/{id}", get(endpoint::show))
        .route("/account/webhooks/{id}/pause", post(changes::pause))
        .route("/account/webhooks/{id}/enable", post(changes::enable))
        .route("/account/webhooks/{id}/rotate", post(changes::rotate))
        .route("/account/webhooks/{id}/remove", post(changes::remove))
        .route("/account/webhooks/{id}/test", post(changes::test))
        .route(
            "/account/webhooks/{id}/deliveries/{delivery_id}/redeliver",
            post(changes::redeliver),
        )
}

fn page_of(id: EndpointId) -> String {
    format!("/account/webhooks/{id}")
}

/// What has happened, in words.
fn in_words(kind: EventKind) -> &'static str {
    match kind {
        EventKind::OrderPlaced => "An order is placed",
        EventKind::OrderPaid => "An order is paid",
        EventKind::OrderShipped => "An order is shipped",
        EventKind::OrderCancelled => "An order is cancelled",
        EventKind::OrderRefunded => "An order is refunded",
        EventKind::InvoiceIssued => "An invoice or credit note is issued",
        EventKind::Test => "A test",
    }
}

/// How a status is called, and the badge that it looks like.
fn endpoint_badge(status: EndpointStatus) -> (&'static str, &'static str) {
    match status {
        EndpointStatus::Enabled => ("On", "completed"),
        EndpointStatus::Paused => ("Off", "placed"),
        EndpointStatus::Failing | EndpointStatus::Gone => ("Switched off", "cancelled"),
    }
}

fn delivery_badge(status: DeliveryStatus) -> (&'static str, &'static str) {
    match status {
        DeliveryStatus::Pending => ("On its way", "placed"),
        DeliveryStatus::Delivered => ("Delivered", "completed"),
        DeliveryStatus::Failed => ("Failed", "cancelled"),
    }
}
