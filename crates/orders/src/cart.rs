use anyhow::Context as _;
use kernel::{Money, MoneyError, TokenHash, UserId};
use serde::{Deserialize, Serialize};

use crate::product::Product;

/// Whose cart it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CartOwner {
    /// A person.
    User(UserId),
    /// A browser that has not signed in and shows a token.
    Anonymous(TokenHash),
}

/// What somebody means to buy, at today's prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart {
    /// One line a product, all in one currency.
    pub lines: Vec<CartLine>,
    /// The sum of the lines; `None` where there are none, because nothing has no currency.
    pub total: Option<Money>,
}

/// One product of a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    /// The product.
    pub product: Product,
    /// How many.
    pub quantity: Quantity,
    /// The price of all of them.
    pub total: Money,
}

/// The cart cannot take a product in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CartRefusal {
    /// It holds [`Cart::MAX_LINES`] other products.
    #[error("this cart is full: it takes {} different products", Cart::MAX_LINES)]
    Full,
    /// It holds products that are sold in another currency.
    #[error("a cart holds products of one currency only")]
    OtherCurrency,
}

impl Cart {
    /// With how many different products a cart is full.
    pub const MAX_LINES: usize = 50;

    pub(crate) fn new(lines: Vec<CartLine>) -> Result<Self, MoneyError> {
        let total = match lines.split_first() {
            None => None,
            Some((first, rest)) => Some(
                rest.iter()
                    .try_fold(first.total, |sum, line| sum.checked_add(line.total))?,
            ),
        };
        Ok(Self { lines, total })
    }

    /// How many pieces it holds.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity.get()).sum()
    }

    /// How many of `product` there are once `quantity` more have been added.
    pub(crate) fn quantity_after_adding(
        &self,
        product: &Product,
        quantity: Quantity,
    ) -> Result<Quantity, CartRefusal> {
        if let Some(line) = self.lines.iter().find(|line| line.product.id == product.id) {
            return Ok(line.quantity.saturating_add(quantity));
        }
        if self.lines.len() >= Self::MAX_LINES {
            return Err(CartRefusal::Full);
        }
        match self.total {
            Some(total) if total.currency() != product.price.currency() => {
                Err(CartRefusal::OtherCurrency)
            }
            _ => Ok(quantity),
        }
    }

    /// Which products there are too few of.
    pub(crate) fn titles_out_of_stock(&self) -> Vec<String> {
        self.lines
            .iter()
            .filter(|line| !line.is_in_stock())
            .map(|line| line.product.title.clone())
            .collect()
    }
}

impl CartLine {
    pub(crate) fn new(product: Product, quantity: Quantity) -> Result<Self, MoneyError> {
        let total = product.price.checked_mul(quantity.get())?;
        Ok(Self {
            product,
            quantity,
            total,
        })
    }

    /// Whether there are enough of the product.
    #[must_use]
    pub fn is_in_stock(&self) -> bool {
        self.product.stock >= self.quantity.get()
    }
}

/// How many of one product: 1 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

/// The number is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("choose a quantity from 1 to {}", Quantity::MAX.get())]
pub struct InvalidQuantity;

impl Quantity {
    /// One.
    pub const ONE: Self = Self(1);
    /// The most of one product that a cart or an order holds.
    pub const MAX: Self = Self(99);

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number that a database row holds.
    pub(crate) fn from_db(number: i32) -> anyhow::Result<Self> {
        let number = u32::try_from(number).context("read quantity")?;
        number.try_into().context("read quantity")
    }

    /// The number as a database row holds it.
    pub(crate) const fn to_db(self) -> i32 {
        self.0.cast_signed()
    }

    /// The sum, cut off at [`Quantity::MAX`].
    #[must_use]
    pub fn saturating_add(self, more: Self) -> Self {
        Self(self.0 + more.0).min(Self::MAX)
    }
}

impl TryFrom<u32> for Quantity {
    type Error = InvalidQuantity;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if (1..=Self::MAX.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidQuantity)
        }
    }
}

impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> Self {
        quantity.0
    }
}

#[cfg(test)]
mod tests;
