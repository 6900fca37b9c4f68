use anyhow::Context as _;
use kernel::InvoiceId;
use platform::jobs::{JobResult, JobRun};
use platform::storage::ObjectKey;

use crate::invoice::Invoice;
use crate::jobs::{RenderInvoice, SendInvoice};
use crate::{Billing, db, document};

impl Billing {
    /// Handles [`RenderInvoice`]: makes the PDF, stores it, and has it mailed.
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn render_invoice(self, run: JobRun, job: RenderInvoice) -> JobResult {
        let invoice = self.get_invoice(job.invoice_id).await?;
        let pdf = tokio::task::spawn_blocking(move || document::render(&invoice))
            .await
            .context("join rendering")??;
        self.storage
            .put(&document_key(job.invoice_id), "application/pdf", pdf.into())
            .await
            .context("store document")?;
        let mut tx = run.begin().await?;
        db::invoices::set_rendered(&mut tx, job.invoice_id, self.clock.now())
            .await
            .context("note rendering")?;
        let send = SendInvoice {
            invoice_id: job.invoice_id,
        };
        self.jobs.enqueue(&mut tx, &send).await?;
        run.complete(tx).await
    }

    pub(crate) async fn get_invoice(&self, id: InvoiceId) -> anyhow::Result<Invoice> {
        let mut connection = self.db.acquire().await?;
        db::invoices::find(&mut connection, id)
            .await
            .context("find invoice")?
            .context("there is no such invoice")
    }
}

/// Where the document of an invoice is stored. Its number would be guessable.
pub(crate) fn document_key(id: InvoiceId) -> ObjectKey {
    ObjectKey::new(format!("invoices/{id}.pdf")).expect("an id makes a valid key")
}
