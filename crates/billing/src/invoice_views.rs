use std::time::Duration;
use tracing::instrument;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{InvalidCursor, InvoiceId, Money, OrderId, Page, PageRequest, UserId};
use url::Url;

use crate::invoice::{Invoice, InvoiceKind};
use crate::render_invoice::document_key;
use crate::{Billing, db};

/// How long the address of a document works: enough to follow a redirect, too short to be passed around.
const DOCUMENT_ADDRESS_LIFETIME: Duration = Duration::from_mins(5);

/// An invoice or credit note, as its customer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceView {
    /// The paper.
    pub id: InvoiceId,
    /// Which of the two it is.
    pub kind: InvoiceKind,
    /// Its number.
    pub number: String,
    /// The order that it is for.
    pub order_id: OrderId,
    /// The number of that order.
    pub order_number: String,
    /// What is charged or credited.
    pub total: Money,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// Whether its document can be had yet.
    pub has_document: bool,
}

impl From<Invoice> for InvoiceView {
    fn from(invoice: Invoice) -> Self {
        Self {
            id: invoice.id,
            kind: invoice.kind,
            number: invoice.number,
            order_id: invoice.order_id,
            order_number: invoice.order_number,
            total: invoice.total,
            issued_at: invoice.issued_at,
            has_document: invoice.rendered_at.is_some(),
        }
    }
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListInvoicesError {
    /// The cursor is from another list.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum InvoiceDocumentError {
    /// The person has no such invoice.
    #[error("there is no such invoice")]
    NotFound,
    /// The job that makes the document has yet to run.
    #[error("the document is still being made")]
    NotReady,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Billing {
    /// A person's invoices and credit notes, newest first.
    ///
    /// # Errors
    /// See [`ListInvoicesError`].
    #[instrument(name = "billing.list_invoices", skip_all)]
    pub async fn list_invoices(
        &self,
        user_id: UserId,
        page: PageRequest,
    ) -> Result<Page<InvoiceView>, ListInvoicesError> {
        let after: Option<InvoiceId> = page.key()?;
        let mut connection = self.db.acquire().await?;
        let rows = db::invoices::list_of_user(&mut connection, user_id, after, page.size.rows())
            .await
            .context("list invoices")?;
        Ok(Page::from_rows(rows, page.size, |last| last.id).map(InvoiceView::from))
    }

    /// The invoice and credit notes of a person's order, oldest first. Empty for another's.
    ///
    /// # Errors
    /// If the database cannot be reached.
    #[instrument(name = "billing.invoices_of_order", skip_all)]
    pub async fn invoices_of_order(
        &self,
        user_id: UserId,
        order_id: OrderId,
    ) -> anyhow::Result<Vec<InvoiceView>> {
        let mut connection = self.db.acquire().await?;
        let invoices = db::invoices::list_of_order(&mut connection, user_id, order_id)
            .await
            .context("list invoices of order")?;
        Ok(invoices.into_iter().map(InvoiceView::from).collect())
    }

    /// An address, good for five minutes, from which a person can download their invoice's document.
    ///
    /// # Errors
    /// See [`InvoiceDocumentError`].
    #[instrument(name = "billing.invoice_document_url", skip_all)]
    pub async fn invoice_document_url(
        &self,
        user_id: UserId,
        id: InvoiceId,
    ) -> Result<Url, InvoiceDocumentError> {
        let invoice = self
            .find_invoice_of(user_id, id)
            .await?
            .ok_or(InvoiceDocumentError::NotFound)?;
        if invoice.rendered_at.is_none() {
            return Err(InvoiceDocumentError::NotReady);
        }
        let url = self
            .storage
            .presign_get(
                &document_key(id),
                DOCUMENT_ADDRESS_LIFETIME,
                Some(&invoice.file_name()),
            )
            .await
            .context("sign document's address")?;
        Ok(url)
    }

    async fn find_invoice_of(
        &self,
        user_id: UserId,
        id: InvoiceId,
    ) -> anyhow::Result<Option<Invoice>> {
        let mut connection = self.db.acquire().await?;
        db::invoices::find_of_user(&mut connection, user_id, id)
            .await
            .context("find invoice")
    }
}
