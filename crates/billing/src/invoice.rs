//! Invoices, and the credit notes that undo them.

#[cfg(test)]
pub(crate) mod sample;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use kernel::{EmailAddress, InvoiceId, Money, MoneyError, OrderId, RefundId, UserId};
use serde::{Deserialize, Serialize};

use crate::UnknownName;
use crate::settings::Seller;

/// What kind of paper it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceKind {
    /// Charges for an order.
    Invoice,
    /// Takes back what an invoice charged.
    CreditNote,
}

impl InvoiceKind {
    /// The name under which databases and programs know the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CreditNote => "credit_note",
        }
    }

    /// The heading that people read.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Invoice => "Invoice",
            Self::CreditNote => "Credit note",
        }
    }

    /// The series that numbers are taken from.
    pub(crate) const fn series(self) -> &'static str {
        match self {
            Self::Invoice => "INV",
            Self::CreditNote => "CN",
        }
    }

    /// The number that people quote: `INV-2026-000001`.
    pub(crate) fn number(self, year: i32, sequence: i32) -> String {
        format!("{}-{year}-{sequence:06}", self.series())
    }
}

impl fmt::Display for InvoiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for InvoiceKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::Invoice, Self::CreditNote]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or(UnknownName)
    }
}

/// Who is charged, as it stands on the paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Their name.
    pub name: String,
    /// Where the paper is mailed.
    pub email: EmailAddress,
    /// Their postal address, line by line.
    pub address: Vec<String>,
}

/// One line of the paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// What was sold.
    pub title: String,
    /// How many of it.
    pub quantity: u32,
    /// The price of one.
    pub unit_price: Money,
    /// The price of all.
    pub line_total: Money,
}

/// What is printed. It is stored with the paper, so that no later change of an address reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) seller: Seller,
    pub(crate) customer: Customer,
    pub(crate) lines: Vec<InvoiceLine>,
    /// The number of the invoice that a credit note takes back.
    pub(crate) credits: Option<String>,
}

/// An invoice or credit note, as it was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invoice {
    pub(crate) id: InvoiceId,
    pub(crate) kind: InvoiceKind,
    pub(crate) number: String,
    pub(crate) order_id: OrderId,
    pub(crate) order_number: String,
    pub(crate) user_id: UserId,
    pub(crate) refund_id: Option<RefundId>,
    pub(crate) content: Content,
    pub(crate) total: Money,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) rendered_at: Option<DateTime<Utc>>,
    pub(crate) sent_at: Option<DateTime<Utc>>,
}

impl Invoice {
    /// The name under which a person saves the document.
    pub(crate) fn file_name(&self) -> String {
        format!("{}.pdf", self.number)
    }
}

/// The lines do not add up to the total, so no paper may be made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLines {
    #[error("an invoice needs at least one line")]
    None,
    #[error("a line is not quantity times price")]
    Line,
    #[error("the lines do not add up to the total")]
    Total,
    #[error("the lines cannot be added up")]
    Money(#[from] MoneyError),
}

/// Checks that `lines` are what `total` consists of.
pub(crate) fn check_lines(lines: &[InvoiceLine], total: Money) -> Result<(), InvalidLines> {
    if lines.is_empty() {
        return Err(InvalidLines::None);
    }
    for line in lines {
        if line.unit_price.checked_mul(line.quantity)? != line.line_total {
            return Err(InvalidLines::Line);
        }
    }
    let sum = Money::sum(total.currency(), lines.iter().map(|line| line.line_total))?;
    if sum == total {
        Ok(())
    } else {
        Err(InvalidLines::Total)
    }
}

#[cfg(test)]
mod tests {
    use kernel::Currency;

    use super::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::Eur)
    }

    fn line(quantity: u32, unit_price: i64, line_total: i64) -> InvoiceLine {
        InvoiceLine {
            title: "Kettle".to_owned(),
            quantity,
            unit_price: eur(unit_price),
            line_total: eur(line_total),
        }
    }

    #[test]
    fn lines_must_add_up_to_the_total() {
        let lines = [line(2, 150, 300), line(1, 50, 50)];
        assert_eq!(check_lines(&lines, eur(350)), Ok(()));
        assert_eq!(check_lines(&lines, eur(351)), Err(InvalidLines::Total));
        assert_eq!(check_lines(&[], eur(0)), Err(InvalidLines::None));
    }

    #[test]
    fn a_line_must_be_quantity_times_price() {
        assert_eq!(
            check_lines(&[line(2, 150, 299)], eur(299)),
            Err(InvalidLines::Line)
        );
    }

    #[test]
    fn lines_of_two_currencies_are_refused() {
        let result = check_lines(&[line(1, 50, 50)], Money::new(50, Currency::Usd));
        assert!(matches!(result, Err(InvalidLines::Money(_))));
    }

    #[test]
    fn a_number_tells_series_year_and_place() {
        assert_eq!(InvoiceKind::Invoice.number(2026, 1), "INV-2026-000001");
        assert_eq!(
            InvoiceKind::CreditNote.number(2026, 1_234_567),
            "CN-2026-1234567"
        );
    }
}
