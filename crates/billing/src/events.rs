//! The facts that this module publishes.

use chrono::{DateTime, Utc};
use kernel::{InvoiceId, Money, OrderId, PaymentId, RefundId, UserId};
use platform::events::Event;
use serde::{Deserialize, Serialize};

use crate::invoice::InvoiceKind;

/// The money for an order has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentSucceeded {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that it is for.
    pub order_id: OrderId,
    /// What arrived.
    pub amount: Money,
    /// When we heard of it.
    pub paid_at: DateTime<Utc>,
}

impl Event for PaymentSucceeded {
    const NAME: &'static str = "billing.payment_succeeded";
}

/// All of the money for an order has gone back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRefunded {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that it was for.
    pub order_id: OrderId,
    /// The refund that brought back the last of it.
    pub refund_id: RefundId,
    /// What that refund brought back.
    pub amount: Money,
}

impl Event for PaymentRefunded {
    const NAME: &'static str = "billing.payment_refunded";
}

/// Some of the money for an order has gone back, and more is left. It is not [`PaymentRefunded`] with a flag: a worker of
/// the release before would not look at the flag, and take the whole order for refunded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentPartlyRefunded {
    /// The payment.
    pub payment_id: PaymentId,
    /// The order that it was for.
    pub order_id: OrderId,
    /// The refund that brought back a part of it.
    pub refund_id: RefundId,
    /// What that refund brought back.
    pub amount: Money,
    /// What all refunds have brought back so far.
    pub returned: Money,
}

impl Event for PaymentPartlyRefunded {
    const NAME: &'static str = "billing.payment_partly_refunded";
}

/// An invoice or credit note has its number. Its document follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceIssued {
    /// The paper.
    pub invoice_id: InvoiceId,
    /// Which of the two it is.
    pub kind: InvoiceKind,
    /// Its number.
    pub number: String,
    /// The order that it is for.
    pub order_id: OrderId,
    /// Whose order that is.
    pub user_id: UserId,
    /// What is charged or credited.
    pub total: Money,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
}

impl Event for InvoiceIssued {
    const NAME: &'static str = "billing.invoice_issued";
}
