use anyhow::Context as _;
use kernel::text::is_visible_line;
use kernel::{Money, PaymentId, RefundId, Staff, UserId};
use platform::audit::AuditEntry;
use platform::db::Tx;
use serde_json::json;
use tracing::instrument;

use crate::jobs::SendRefund;
use crate::payment::{Payment, PaymentStatus};
use crate::refund::{self, Refund, RefundStatus};
use crate::{Billing, db};

/// What a member of staff gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRefund {
    /// The number of the order that was paid.
    pub order_number: String,
    /// How much; all that is left where `None`.
    pub amount: Option<Money>,
    /// Why, for the audit log.
    pub reason: RefundReason,
}

/// Why money goes back: 1 to 500 characters in one line of plain text, so that every line of the audit log is one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundReason(String);

/// The text is no reason for a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("say why, in 1 to 500 characters of plain text")]
pub struct InvalidRefundReason;

impl RefundReason {
    const MAX_LENGTH: usize = 500;

    /// Reads a reason, ignoring white space around it.
    ///
    /// # Errors
    /// If it is too long, shows nothing, or holds what breaks the line or hides.
    pub fn parse(text: &str) -> Result<Self, InvalidRefundReason> {
        let text = text.trim();
        let valid = text.chars().count() <= Self::MAX_LENGTH && is_visible_line(text);
        valid
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidRefundReason)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A refund, as callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundView {
    /// The refund.
    pub id: RefundId,
    /// The payment that it takes back.
    pub payment_id: PaymentId,
    /// How much goes back.
    pub amount: Money,
    /// Where it stands.
    pub status: RefundStatus,
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id,
            payment_id: refund.payment_id,
            amount: refund.amount,
            status: refund.status,
        }
    }
}

/// Why no refund was requested.
#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    /// No payment belongs to this order.
    #[error("there is no such payment")]
    NotFound,
    /// Nothing of the payment is left to give back: it was not paid, or all has been given back or promised.
    #[error("a payment that is {0} has nothing left to refund")]
    NotRefundable(PaymentStatus),
    /// Only an amount from one minor unit up to what is left can be given back, in the currency of the payment.
    #[error("at most {left} can be given back")]
    AmountOutOfRange {
        /// What has not been given back or promised yet.
        left: Money,
    },
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Billing {
    /// Gives back what a customer has paid for an order, or a part of it. The money moves in a job; the reason goes to the
    /// audit log.
    ///
    /// # Errors
    /// See [`RefundError`].
    #[instrument(name = "billing.refund", skip_all)]
    pub async fn refund_in_tx(
        &self,
        tx: &mut Tx,
        staff: Staff,
        request: RequestRefund,
    ) -> Result<RefundView, RefundError> {
        let payment = db::payments::lock_of_order_number(tx, &request.order_number)
            .await
            .context("lock payment")?
            .ok_or(RefundError::NotFound)?;
        let by = Some(staff.user_id());
        let refund = self
            .request(tx, &payment, request.amount, request.reason.as_str(), by)
            .await?;
        let entry = AuditEntry {
            actor: by,
            action: "billing.refund",
            subject_type: "payment",
            subject_id: payment.id.to_string(),
            before: Some(json!({ "status": payment.status })),
            after: Some(json!({
                "order_number": payment.order_number,
                "refund_id": refund.id,
                "amount": refund.amount,
                "reason": request.reason.as_str(),
            })),
        };
        self.audit.record(tx, entry).await?;
        Ok(RefundView::from(refund))
    }

    /// As [`Billing::refund_in_tx`], in a transaction of its own.
    ///
    /// # Errors
    /// See [`RefundError`].
    pub async fn refund(
        &self,
        staff: Staff,
        request: RequestRefund,
    ) -> Result<RefundView, RefundError> {
        let mut tx = self.db.begin().await?;
        let refund = self.refund_in_tx(&mut tx, staff, request).await?;
        tx.commit().await.context("commit refund")?;
        Ok(refund)
    }

    /// Gives back money that arrived for an order which could no longer be paid. If that is under way already, nothing
    /// changes.
    ///
    /// # Errors
    /// If there is no such payment or the refund cannot be stored.
    #[instrument(name = "billing.refund_rejected_payment", skip_all)]
    pub async fn refund_rejected_payment_in_tx(
        &self,
        tx: &mut Tx,
        payment_id: PaymentId,
    ) -> anyhow::Result<()> {
        let payment = db::payments::lock(tx, payment_id)
            .await
            .context("lock payment")?
            .context("a payment that was rejected does not exist")?;
        let reason = "The order could no longer be paid.";
        match self.request(tx, &payment, None, reason, None).await {
            Ok(_) | Err(RefundError::NotRefundable(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Saves a refund of `amount`, or of all that is left of `payment`, which is locked.
    pub(crate) async fn request(
        &self,
        tx: &mut Tx,
        payment: &Payment,
        amount: Option<Money>,
        reason: &str,
        requested_by: Option<UserId>,
    ) -> Result<Refund, RefundError> {
        let refunds = db::refunds::list_of_payment(tx, payment.id)
            .await
            .context("list refunds")?;
        let left = payment
            .refundable(refund::committed(&refunds))
            .map_err(|refused| RefundError::NotRefundable(refused.0))?;
        let amount = amount.unwrap_or(left);
        if amount.currency() != left.currency() || !(1..=left.minor()).contains(&amount.minor()) {
            return Err(RefundError::AmountOutOfRange { left });
        }
        let refund = Refund {
            id: RefundId::generate(&self.clock, &self.entropy),
            payment_id: payment.id,
            amount,
            status: RefundStatus::Requested,
            reason: reason.to_owned(),
            requested_by,
            provider_refund_id: None,
            failure: None,
            requested_at: self.clock.now(),
        };
        db::refunds::insert(tx, &refund)
            .await
            .context("insert refund")?;
        let job = SendRefund {
            refund_id: refund.id,
        };
        self.jobs.enqueue(tx, &job).await?;
        Ok(refund)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_at_most_500_characters() {
        let longest = "ä".repeat(500);
        for reason in [longest.as_str(), "x", "  Damaged, so €5 back\n"] {
            let read = RefundReason::parse(reason).unwrap();
            assert_eq!(read.as_str(), reason.trim());
        }
        let too_long = "ä".repeat(501);
        for reason in [
            too_long.as_str(),
            "",
            " \t ",
            "Dam\0aged",
            "Damaged\nrefund 2",
        ] {
            let read = RefundReason::parse(reason);
            assert_eq!(read, Err(InvalidRefundReason), "{reason:?}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_reads_back() {
        fuzzing::text("refund_reason", |text| {
            let Ok(reason) = RefundReason::parse(text) else {
                return;
            };
            assert!(is_visible_line(reason.as_str()));
            assert!(reason.as_str().chars().count() <= 500);
            assert_eq!(RefundReason::parse(reason.as_str()), Ok(reason));
        });
    }
}
