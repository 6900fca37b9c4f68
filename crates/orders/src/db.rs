//! All SQL of the module. Nothing here commits, and nothing here decides.

pub(crate) mod attachments;
pub(crate) mod carts;
pub(crate) mod catalogue;
pub(crate) mod order_search;
pub(crate) mod orders;

use anyhow::Context as _;
use kernel::Money;

/// The amount that two columns hold.
fn money(minor: i64, currency: &str) -> anyhow::Result<Money> {
    let currency = currency.parse().context("read currency")?;
    Ok(Money::new(minor, currency))
}
