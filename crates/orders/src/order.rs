use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use kernel::{EmailAddress, Money, OrderId, PaymentId, ProductId, UserId};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::cart::{Cart, CartLine, Quantity};
use crate::place::{PlaceError, PlaceOrder};

/// What somebody has ordered: a snapshot that later changes of the catalogue do not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The id that other modules know it by.
    pub id: OrderId,
    /// The number that people quote.
    pub number: OrderNumber,
    /// Who ordered.
    pub user_id: UserId,
    /// How far it has come.
    pub status: OrderStatus,
    /// What was ordered; never empty.
    pub lines: Vec<OrderLine>,
    /// The sum of the lines.
    pub total: Money,
    /// Where letters about it go.
    pub email: EmailAddress,
    /// Where the goods go.
    pub delivery: Address,
    /// The payment that paid it.
    pub payment_id: Option<PaymentId>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
}

/// One product of an order. [`crate::OrderPaid`] carries it, so its form is part of that event's version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product.
    pub product_id: ProductId,
    /// Its title when it was ordered.
    pub title: String,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: Money,
    /// The price of all of them.
    pub line_total: Money,
}

impl Order {
    /// Makes an order of a cart that still is what the customer saw, and that can be delivered.
    pub(crate) fn place(
        id: OrderId,
        number: OrderNumber,
        user_id: UserId,
        cart: Cart,
        command: PlaceOrder,
        placed_at: DateTime<Utc>,
    ) -> Result<Self, PlaceError> {
        let total = cart.total.ok_or(PlaceError::EmptyCart)?;
        let titles = cart.titles_out_of_stock();
        if !titles.is_empty() {
            return Err(PlaceError::OutOfStock { titles });
        }
        if total != command.expected_total {
            return Err(PlaceError::TotalChanged { total });
        }
        Ok(Self {
            id,
            number,
            user_id,
            status: OrderStatus::Placed,
            lines: cart.lines.into_iter().map(OrderLine::from).collect(),
            total,
            email: command.email,
            delivery: command.delivery,
            payment_id: None,
            placed_at,
        })
    }

    /// What a payment means for the order. Only [`Payment::Accepted`] changes it.
    pub(crate) fn pay(&mut self, payment_id: PaymentId, amount: Money) -> Payment {
        if self.payment_id == Some(payment_id) {
            return Payment::KnownAlready;
        }
        if !self.status.leads_to(OrderStatus::Paid) {
            return Payment::TooLate;
        }
        if amount != self.total {
            return Payment::WrongAmount;
        }
        self.status = OrderStatus::Paid;
        self.payment_id = Some(payment_id);
        Payment::Accepted
    }

    /// Moves the order on to `next`.
    pub(crate) fn advance(&mut self, next: OrderStatus) -> Result<(), InvalidTransition> {
        if !self.status.leads_to(next) {
            return Err(InvalidTransition {
                from: self.status,
                to: next,
            });
        }
        self.status = next;
        Ok(())
    }
}

impl From<CartLine> for OrderLine {
    fn from(line: CartLine) -> Self {
        Self {
            product_id: line.product.id,
            title: line.product.title,
            quantity: line.quantity,
            unit_price: line.product.price,
            line_total: line.total,
        }
    }
}

/// How far an order has come. The variants stand in the order in which any order passes them, so a timeline sorts by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Waits for its payment, with its stock reserved.
    Placed,
    /// Can be shipped.
    Paid,
    /// On its way.
    Shipped,
    /// Has arrived.
    Completed,
    /// Was given up before it was paid.
    Cancelled,
    /// The money went back.
    Refunded,
}

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Placed,
        Self::Paid,
        Self::Shipped,
        Self::Completed,
        Self::Cancelled,
        Self::Refunded,
    ];

    /// The status machine. An order that is paid is never cancelled: its money goes back first.
    #[must_use]
    pub const fn leads_to(self, next: Self) -> bool {
        use OrderStatus::{Cancelled, Completed, Paid, Placed, Refunded, Shipped};
        matches!(
            (self, next),
            (Placed, Paid | Cancelled)
                | (Paid, Shipped | Refunded)
                | (Shipped, Completed | Refunded)
                | (Completed, Refunded)
        )
    }

    /// Whether files may be attached to an order that stands here. What was given up has nothing more to show; about any
    /// other there can be something to clear up, after a refund too.
    #[must_use]
    pub const fn takes_attachments(self) -> bool {
        !matches!(self, Self::Cancelled)
    }

    /// The name under which databases and programs know the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for OrderStatus {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or(UnknownStatus)
    }
}

/// The name is no status of [`OrderStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown order status")]
pub struct UnknownStatus;

/// The status machine has no such step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from} cannot become {to}")]
pub struct InvalidTransition {
    /// Where the order stands.
    pub from: OrderStatus,
    /// Where it was to go.
    pub to: OrderStatus,
}

/// What became of a payment that reached an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payment {
    Accepted,
    KnownAlready,
    TooLate,
    WrongAmount,
}

/// When an order entered a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimelineEntry {
    /// The status.
    pub status: OrderStatus,
    /// When.
    pub entered_at: DateTime<Utc>,
}

/// The number that customers and staff quote: short, ascending, with gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderNumber(i64);

impl OrderNumber {
    /// The number that a database row holds.
    #[must_use]
    pub(crate) const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The bare number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for OrderNumber {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
