//! Pages of the module `billing`.

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

mod invoice_document;
mod invoices;
mod pay;
mod payment_return;
#[cfg(test)]
mod tests;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/orders/{number}/pay", post(pay::pay))
        .route(
            "/orders/{number}/payment/returned",
            get(payment_return::returned),
        )
        .route(
            "/orders/{number}/payment/cancelled",
            get(payment_return::cancelled),
        )
        .route("/orders/{number}/invoice", get(invoice_document::of_order))
        .route("/invoices", get(invoices::list))
        .route("/invoices/{id}/document", get(invoice_document::download))
}
