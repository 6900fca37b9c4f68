//! Billing: payments through a Stripe-compatible provider, refunds, invoices and credit notes, and the ledger beneath.
//!
//! # Invariants
//! - A payment is saved before the provider hears of it, and no transaction is open while the provider is called.
//! - What a webhook says is never believed beyond "look again": the object is fetched from the provider, so events may
//!   come twice, late, or in any order.
//! - Money is booked once for each payment and each refund, and every ledger transaction sums to zero. The database
//!   refuses anything else, and the application's role cannot change what is booked.
//! - Never more is given back than was paid.
//! - What the provider says and what is booked are compared every hour; a difference that is no news raises an alarm, and
//!   nothing here corrects it.
//! - Invoice numbers have no gaps, within a series and a year (UTC).
//! - No card data comes here: the customer types it at the provider.
//!
//! # What this crate must not know
//! How an order comes about, who its customer is beyond what is printed on an invoice, HTTP requests, HTML pages.

mod abandon_payment;
mod check_payment;
mod db;
mod document;
mod emails;
mod events;
mod expire_session;
mod invoice;
mod invoice_views;
mod issue_invoice;
mod jobs;
mod ledger;
mod mismatch;
mod open_payment;
mod payment;
mod payment_views;
mod process_webhook;
mod provider;
mod receive_webhook;
mod reconcile;
mod refund;
mod render_invoice;
mod request_refund;
mod retention;
mod seed;
mod send_invoice;
mod send_refund;
mod settings;
mod settle_payment;
mod signature;
mod start_checkout;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kernel::{Clock, Entropy};
use platform::Platform;
use platform::audit::Audit;
use platform::db::Db;
use platform::events::Events;
use platform::jobs::Jobs;
use platform::mail::{Letterhead, Mailer};
use platform::storage::Storage;
use secrecy::SecretString;

pub use check_payment::CheckPaymentError;
pub use db::MIGRATOR;
pub use events::{InvoiceIssued, PaymentPartlyRefunded, PaymentRefunded, PaymentSucceeded};
pub use invoice::{Customer, InvoiceKind, InvoiceLine};
pub use invoice_views::{InvoiceDocumentError, InvoiceView, ListInvoicesError};
pub use issue_invoice::IssueInvoice;
pub use jobs::{
    CheckPayment, DeleteOldWebhookEvents, ExpireSession, ProcessWebhook, Reconcile, RenderInvoice,
    SendInvoice, SendRefund,
};
pub use ledger::{Account, AccountBalance};
pub use mismatch::{Mismatch, MismatchKind};
pub use open_payment::OpenPayment;
pub use payment::{InvalidTransition, PaymentStatus};
pub use payment_views::PaymentView;
pub use receive_webhook::ReceiveWebhookError;
pub use refund::RefundStatus;
pub use request_refund::{
    InvalidRefundReason, RefundError, RefundReason, RefundView, RequestRefund,
};
pub use settings::{BillingSettings, Seller};
pub use start_checkout::{Checkout, ReturnUrls, StartCheckoutError};

use provider::Provider;

/// The module; cheap to clone.
#[derive(Clone)]
pub struct Billing {
    db: Db,
    events: Events,
    jobs: Jobs,
    audit: Audit,
    storage: Storage,
    mailer: Mailer,
    letterhead: Letterhead,
    clock: Clock,
    entropy: Entropy,
    provider: Provider,
    webhook_secrets: Arc<[SecretString]>,
    seller: Arc<Seller>,
}

impl Billing {
    /// The module on `platform`.
    ///
    /// # Errors
    /// If the provider's key cannot stand in a header, or the machine's TLS certificates cannot be read.
    pub fn new(platform: &Platform, settings: BillingSettings) -> anyhow::Result<Self> {
        let provider = Provider::new(&platform.outbound, settings.api_url, &settings.api_key)?;
        Ok(Self {
            db: platform.db.clone(),
            events: platform.events.clone(),
            jobs: platform.jobs.clone(),
            audit: platform.audit.clone(),
            storage: platform.storage.clone(),
            mailer: platform.mailer.clone(),
            letterhead: platform.letterhead.clone(),
            clock: platform.clock.clone(),
            entropy: platform.entropy.clone(),
            provider,
            webhook_secrets: settings.webhook_secrets.into(),
            seller: Arc::new(settings.seller),
        })
    }
}

/// The text is not one of the names that the type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;
