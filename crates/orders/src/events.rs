//! What the module tells the others. Payloads are snapshots and outlive a release in both directions: a new field needs
//! a default, and any other change a new version.

use chrono::{DateTime, Utc};
use kernel::{EmailAddress, Money, OrderId, PaymentId, UserId};
use platform::events::Event;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::order::{Order, OrderLine, OrderNumber};

/// An order was placed and waits for its payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// The order.
    pub order_id: OrderId,
    /// Its number.
    pub number: OrderNumber,
    /// Who has to pay.
    pub user_id: UserId,
    /// How much.
    pub total: Money,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
}

impl Event for OrderPlaced {
    const NAME: &'static str = "orders.order_placed";
}

impl From<&Order> for OrderPlaced {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.id,
            number: order.number,
            user_id: order.user_id,
            total: order.total,
            placed_at: order.placed_at,
        }
    }
}

/// An order was paid. Holds all that an invoice needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPaid {
    /// The order.
    pub order_id: OrderId,
    /// Its number.
    pub number: OrderNumber,
    /// Who paid.
    pub user_id: UserId,
    /// Where the invoice goes.
    pub email: EmailAddress,
    /// Whom the invoice names.
    pub delivery: Address,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// The sum of the lines.
    pub total: Money,
    /// The payment that paid it.
    pub payment_id: PaymentId,
    /// When it was paid.
    pub paid_at: DateTime<Utc>,
}

impl Event for OrderPaid {
    const NAME: &'static str = "orders.order_paid";
}

impl OrderPaid {
    pub(crate) fn new(order: Order, payment_id: PaymentId, paid_at: DateTime<Utc>) -> Self {
        Self {
            order_id: order.id,
            number: order.number,
            user_id: order.user_id,
            email: order.email,
            delivery: order.delivery,
            lines: order.lines,
            total: order.total,
            payment_id,
            paid_at,
        }
    }
}

/// The goods of an order are on their way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderShipped {
    /// The order.
    pub order_id: OrderId,
    /// Its number.
    pub number: OrderNumber,
    /// Whose it is.
    pub user_id: UserId,
    /// When they were sent.
    pub shipped_at: DateTime<Utc>,
}

impl Event for OrderShipped {
    const NAME: &'static str = "orders.order_shipped";
}

/// An order was given up before it was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCancelled {
    /// The order.
    pub order_id: OrderId,
    /// Its number.
    pub number: OrderNumber,
    /// Whose it was.
    pub user_id: UserId,
}

impl Event for OrderCancelled {
    const NAME: &'static str = "orders.order_cancelled";
}

/// The money for an order went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRefunded {
    /// The order.
    pub order_id: OrderId,
    /// Its number.
    pub number: OrderNumber,
    /// Whose it was.
    pub user_id: UserId,
}

impl Event for OrderRefunded {
    const NAME: &'static str = "orders.order_refunded";
}

/// A payment came for an order that could no longer be paid: the money has to go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRejected {
    /// The order.
    pub order_id: OrderId,
    /// The payment.
    pub payment_id: PaymentId,
}

impl Event for PaymentRejected {
    const NAME: &'static str = "orders.payment_rejected";
}

#[cfg(test)]
mod tests;
