use anyhow::Context as _;
use platform::jobs::{JobResult, JobRun};

use crate::jobs::SendInvoice;
use crate::render_invoice::document_key;
use crate::{Billing, db, emails};

/// Larger than any document that is made here.
const MAX_DOCUMENT: u64 = 10 * 1024 * 1024;

impl Billing {
    /// Handles [`SendInvoice`]. If the process dies between the mail and its note the customer gets the mail twice, which
    /// is better than not at all.
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn send_invoice(self, run: JobRun, job: SendInvoice) -> JobResult {
        let invoice = self.get_invoice(job.invoice_id).await?;
        if invoice.sent_at.is_some() {
            return run.complete_alone().await;
        }
        let document = self
            .storage
            .get(&document_key(invoice.id), MAX_DOCUMENT)
            .await
            .context("read document")?
            .context("the document is not in storage")?;
        let letter = emails::invoice(&self.letterhead, &invoice, document.bytes)?;
        self.mailer.send(&run, &letter).await?;
        let mut tx = run.begin().await?;
        db::invoices::set_sent(&mut tx, invoice.id, self.clock.now())
            .await
            .context("note sending")?;
        run.complete(tx).await
    }
}
