//! Pages of the module `billing`.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::app::App;
use crate::http::idempotency;

mod invoice_document;
mod invoices;
mod pay;
mod payment_return;
#[cfg(test)]
mod tests;

pub(super) fn routes(app: &App) -> Router<App> {
    let pay = post(pay::pay).layer(from_fn_with_state(app.clone(), idempotency::by_form));
    Router::new()
        .route("/orders/{number}/pay", pay)
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
