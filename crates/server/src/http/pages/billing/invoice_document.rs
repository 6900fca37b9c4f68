use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use billing::{Billing, InvoiceDocumentError, InvoiceKind};
use kernel::{InvoiceId, UserId};
use orders::{OrderNumber, Orders};

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;
use crate::http::session::{CurrentUser, Flash};

/// Sends a person to the document of an invoice, at an address that soon expires.
pub(super) async fn download(
    State(app): State<App>,
    State(billing): State<Billing>,
    user: CurrentUser,
    Path(id): Path<InvoiceId>,
) -> Result {
    go_to_document(&app, &billing, user.id(), id, "/invoices").await
}

/// As [`download`], for the invoice of an order.
pub(super) async fn of_order(
    State(app): State<App>,
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let order = orders.get(user.id(), number).await?.order;
    let papers = billing.invoices_of_order(user.id(), order.id).await?;
    let back = format!("/orders/{number}");
    let invoice = papers
        .iter()
        .find(|paper| paper.kind == InvoiceKind::Invoice);
    match invoice {
        Some(invoice) => go_to_document(&app, &billing, user.id(), invoice.id, &back).await,
        // Paid a moment ago: the invoice is a job that has yet to run.
        None if order.payment_id.is_some() => Ok(still_being_made(&app, &back)),
        None => Err(AppError::NotFound),
    }
}

async fn go_to_document(
    app: &App,
    billing: &Billing,
    user_id: UserId,
    id: InvoiceId,
    back: &str,
) -> Result {
    match billing.invoice_document_url(user_id, id).await {
        Ok(url) => Ok(Redirect::to(url.as_str()).into_response()),
        Err(InvoiceDocumentError::NotReady) => Ok(still_being_made(app, back)),
        Err(error) => Err(error.into()),
    }
}

fn still_being_made(app: &App, back: &str) -> Response {
    Flash::error("The document is still being made. Please try again in a moment.")
        .redirect(app, back)
}
