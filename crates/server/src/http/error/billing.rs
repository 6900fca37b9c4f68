//! What the use cases of `billing` refuse, as HTTP answers. Shared by the pages and the API.

use billing::{
    InvoiceDocumentError, ListInvoicesError, PaymentStatus, RefundError, StartCheckoutError,
};

use super::AppError;
use crate::http::forms::FieldErrors;

impl From<StartCheckoutError> for AppError {
    fn from(error: StartCheckoutError) -> Self {
        match error {
            StartCheckoutError::NotFound => Self::NotFound,
            StartCheckoutError::NotPayable(status) => {
                Self::conflict("payment_not_payable", why_not_payable(status))
            }
            StartCheckoutError::ProviderUnavailable(error) => {
                tracing::warn!(
                    chain = format!("{error:#}"),
                    "the payment provider is not available"
                );
                Self::PartnerUnavailable(PROVIDER_UNAVAILABLE)
            }
            StartCheckoutError::Unexpected(error) => error.into(),
        }
    }
}

impl From<RefundError> for AppError {
    fn from(error: RefundError) -> Self {
        match error {
            RefundError::NotFound => Self::NotFound,
            RefundError::NotRefundable(_) => Self::conflict(
                "payment_not_refundable",
                "Nothing of this payment is left to give back.",
            ),
            RefundError::AmountOutOfRange { left } => {
                let message = format!("Only {left} is left to give back.");
                Self::Invalid(FieldErrors::of("amount", message))
            }
            RefundError::Unexpected(error) => error.into(),
        }
    }
}

impl From<ListInvoicesError> for AppError {
    fn from(error: ListInvoicesError) -> Self {
        match error {
            ListInvoicesError::InvalidCursor(_) => {
                Self::Invalid(FieldErrors::of("after", "Not a cursor of this list."))
            }
            ListInvoicesError::Unexpected(error) => error.into(),
        }
    }
}

impl From<InvoiceDocumentError> for AppError {
    fn from(error: InvoiceDocumentError) -> Self {
        match error {
            InvoiceDocumentError::NotFound => Self::NotFound,
            InvoiceDocumentError::NotReady => Self::conflict(
                "document_not_ready",
                "The document is still being made. Try again in a moment.",
            ),
            InvoiceDocumentError::Unexpected(error) => error.into(),
        }
    }
}

/// For whoever wanted to pay.
const PROVIDER_UNAVAILABLE: &str = "We cannot reach our payment provider at the moment. Nothing was charged. Please try again in a few minutes.";

fn why_not_payable(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Succeeded => "This order is paid already.",
        PaymentStatus::Refunded => "This order was refunded.",
        PaymentStatus::Abandoned => "This order was cancelled.",
        PaymentStatus::Failed => {
            "Something went wrong with this payment, and we are looking into it. Please do not pay again."
        }
        PaymentStatus::Opened | PaymentStatus::Pending => {
            "This payment is under way already. Please try again in a moment."
        }
    }
}
