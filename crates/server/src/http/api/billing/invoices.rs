use axum::extract::State;
use axum::response::IntoResponse;
use billing::{Billing, InvoiceView};
use chrono::{DateTime, Utc};
use kernel::InvoiceId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api::{ApiUser, MoneyBody, PageBody, PageQuery, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path, Query};

/// An invoice or credit note.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invoice)]
pub(super) struct InvoiceBody {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: InvoiceId,
    /// `invoice` or `credit_note`.
    #[schema(example = "invoice")]
    kind: &'static str,
    /// Its number, gapless within its series and year.
    #[schema(example = "INV-2026-000001")]
    number: String,
    /// The number of the order.
    order_number: String,
    /// What is charged or credited.
    total: MoneyBody,
    /// When it was issued.
    issued_at: DateTime<Utc>,
    /// Whether its document can be had yet.
    has_document: bool,
}

impl From<InvoiceView> for InvoiceBody {
    fn from(invoice: InvoiceView) -> Self {
        Self {
            id: invoice.id,
            kind: invoice.kind.as_str(),
            number: invoice.number,
            order_number: invoice.order_number,
            total: invoice.total.into(),
            issued_at: invoice.issued_at,
            has_document: invoice.has_document,
        }
    }
}

/// Where a document is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoiceDocument)]
pub(super) struct DocumentBody {
    /// Answers a GET with the PDF, for five minutes and without a token.
    url: String,
}

/// Lists your invoices and credit notes, newest first
#[utoipa::path(
    get,
    path = "/invoices",
    tag = "billing",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, body = PageBody<InvoiceBody>), Problems),
)]
pub(super) async fn list(
    State(billing): State<Billing>,
    user: ApiUser,
    Query(query): Query<PageQuery>,
) -> Result {
    let page = billing.list_invoices(user.id(), query.request()?).await?;
    Ok(Json(PageBody::<InvoiceBody>::from(page)).into_response())
}

/// Finds the document of an invoice or credit note
#[utoipa::path(
    get,
    path = "/invoices/{id}/document",
    tag = "billing",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The invoice's id")),
    responses((status = 200, body = DocumentBody), Problems),
)]
pub(super) async fn document(
    State(billing): State<Billing>,
    user: ApiUser,
    Path(id): Path<InvoiceId>,
) -> Result {
    let url = billing.invoice_document_url(user.id(), id).await?;
    Ok(Json(DocumentBody { url: url.into() }).into_response())
}
