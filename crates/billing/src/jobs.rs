//! The module's background work: what each job carries, and its handler. The work itself stands with its use case.

use kernel::{InvoiceId, PaymentId, RefundId};
use platform::jobs::{Job, JobResult, JobRun, Queue};
use serde::{Deserialize, Serialize};

use crate::Billing;
use crate::check_payment::CheckPaymentError;

/// Looks up what a webhook is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessWebhook {
    /// The provider's id of the event.
    pub event_id: String,
    /// What happened, in the provider's words: `checkout.session.completed`.
    pub kind: String,
    /// The provider's id of what it happened to.
    pub object_id: String,
}

impl Job for ProcessWebhook {
    const KIND: &'static str = "billing.process_webhook";
    const QUEUE: Queue = Queue::Default;
}

/// Asks the provider about a payment, in case its webhook does not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckPayment {
    /// The payment.
    pub payment_id: PaymentId,
}

impl Job for CheckPayment {
    const KIND: &'static str = "billing.check_payment";
    const QUEUE: Queue = Queue::Default;
}

/// Closes a checkout page whose order was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireSession {
    /// The provider's id of the session.
    pub session_id: String,
}

impl Job for ExpireSession {
    const KIND: &'static str = "billing.expire_session";
    const QUEUE: Queue = Queue::Default;
}

/// Asks the provider to give money back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRefund {
    /// The refund.
    pub refund_id: RefundId,
}

impl Job for SendRefund {
    const KIND: &'static str = "billing.send_refund";
    const QUEUE: Queue = Queue::Default;
    /// 2: refunds may be partial. A worker that knows version 1 would take the whole payment for refunded.
    const VERSION: i16 = 2;
}

/// Makes the document of an invoice or credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderInvoice {
    /// The paper.
    pub invoice_id: InvoiceId,
}

impl Job for RenderInvoice {
    const KIND: &'static str = "billing.render_invoice";
    const QUEUE: Queue = Queue::Documents;
}

/// Mails the document of an invoice or credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendInvoice {
    /// The paper.
    pub invoice_id: InvoiceId,
}

impl Job for SendInvoice {
    const KIND: &'static str = "billing.send_invoice";
    const QUEUE: Queue = Queue::Mail;
}

/// Deletes webhook events that have been kept long enough. For a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteOldWebhookEvents {}

impl Job for DeleteOldWebhookEvents {
    const KIND: &'static str = "billing.delete_old_webhook_events";
    const QUEUE: Queue = Queue::Reports;
}

/// Compares the books with the provider's. For a schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconcile {}

impl Job for Reconcile {
    const KIND: &'static str = "billing.reconcile";
    const QUEUE: Queue = Queue::Reports;
}

impl Billing {
    /// Handles [`CheckPayment`].
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn check_payment_later(self, run: JobRun, job: CheckPayment) -> JobResult {
        match self.check_payment(job.payment_id).await {
            Ok(_) | Err(CheckPaymentError::NotFound) => run.complete_alone().await,
            Err(error) => Err(anyhow::Error::new(error).into()),
        }
    }
}
