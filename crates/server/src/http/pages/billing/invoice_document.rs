use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use billing::{Billing, InvoiceDocumentError, InvoiceKind};
use kernel::{InvoiceId, UserId};
use orders::{GetOrderError, OrderNumber, Orders};

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
    let order = match orders.get(user.id(), number).await {
        Ok(tracked) => tracked.order,
        Err(GetOrderError::NotFound) => return Err(AppError::NotFound),
        Err(GetOrderError::Unexpected(error)) => return Err(error.into()),
    };
    let papers = billing.invoices_of_order(user.id(), order.id).await?;
    let invoice = papers
        .iter()
        .find(|paper| paper.kind == InvoiceKind::Invoice);
    let id = invoice.ok_or(AppError::NotFound)?.id;
    go_to_document(&app, &billing, user.id(), id, &format!("/orders/{number}")).await
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
        Err(InvoiceDocumentError::NotReady) => {
            let message =
                Flash::error("The document is still being made. Please try again in a moment.");
            Ok(message.redirect(app, back))
        }
        Err(error) => Err(error.into()),
    }
}
