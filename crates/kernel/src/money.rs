use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A currency that the shop can sell in. All have two minor digits; one with none or three needs `Display` to learn it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro.
    Eur,
    /// United States dollar.
    Usd,
    /// Pound sterling.
    Gbp,
}

impl Currency {
    /// The code of ISO 4217, in upper case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Usd => "USD",
            Self::Gbp => "GBP",
        }
    }

    /// The sign that people write before an amount.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Eur => "€",
            Self::Usd => "$",
            Self::Gbp => "£",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    /// Takes a code in either case: providers write lower case, ISO 4217 upper.
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        [Self::Eur, Self::Usd, Self::Gbp]
            .into_iter()
            .find(|currency| currency.code().eq_ignore_ascii_case(code))
            .ok_or(UnknownCurrency)
    }
}

/// The code names no currency of [`Currency`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency: use EUR, USD or GBP")]
pub struct UnknownCurrency;

/// An amount in integer minor units (cents) of one currency. It can be negative: a ledger needs both signs.
///
/// There are no operators: every sum is checked, and two currencies never mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why two amounts could not be brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amounts are in different currencies.
    #[error("cannot mix {0} with {1}")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit into 64 bits of minor units.
    #[error("amount out of range")]
    OutOfRange,
}

impl Money {
    /// `minor` units (cents) of `currency`.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`: where a sum starts.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units (cents).
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency of the amount.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum of two amounts of one currency.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference of two amounts of one currency.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// `quantity` times the amount.
    pub fn checked_mul(self, quantity: u32) -> Result<Self, MoneyError> {
        let minor = self
            .minor
            .checked_mul(i64::from(quantity))
            .ok_or(MoneyError::OutOfRange)?;
        Ok(Self { minor, ..self })
    }

    /// The sum of `amounts`, all in `currency`.
    pub fn sum(
        currency: Currency,
        amounts: impl IntoIterator<Item = Self>,
    ) -> Result<Self, MoneyError> {
        amounts
            .into_iter()
            .try_fold(Self::zero(currency), Self::checked_add)
    }

    fn combine(
        self,
        other: Self,
        operation: fn(i64, i64) -> Option<i64>,
    ) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        let minor = operation(self.minor, other.minor).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { minor, ..self })
    }
}

impl fmt::Display for Money {
    /// `€1234.50`, with the sign first: `-€3.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        let symbol = self.currency.symbol();
        write!(f, "{sign}{symbol}{}.{:02}", minor / 100, minor % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::Eur)
    }

    #[test]
    fn currencies_never_mix() {
        let dollars = Money::new(1, Currency::Usd);
        assert_eq!(
            eur(1).checked_add(dollars),
            Err(MoneyError::CurrencyMismatch(Currency::Eur, Currency::Usd))
        );
    }

    #[test]
    fn arithmetic_that_overflows_is_an_error() {
        assert_eq!(
            eur(i64::MAX).checked_add(eur(1)),
            Err(MoneyError::OutOfRange)
        );
        assert_eq!(
            eur(i64::MIN).checked_sub(eur(1)),
            Err(MoneyError::OutOfRange)
        );
        assert_eq!(
            eur(i64::MAX / 2).checked_mul(3),
            Err(MoneyError::OutOfRange)
        );
    }

    #[test]
    fn amounts_print_with_sign_symbol_and_two_digits() {
        assert_eq!(eur(123_450).to_string(), "€1234.50");
        assert_eq!(eur(-5).to_string(), "-€0.05");
        assert_eq!(Money::new(0, Currency::Gbp).to_string(), "£0.00");
    }

    #[test]
    fn a_sum_adds_every_amount() {
        assert_eq!(
            Money::sum(Currency::Eur, [eur(1), eur(2), eur(-4)]),
            Ok(eur(-1))
        );
    }

    #[test]
    fn a_currency_is_read_in_either_case() {
        assert_eq!("eur".parse(), Ok(Currency::Eur));
        assert_eq!("EUR".parse(), Ok(Currency::Eur));
        assert_eq!("ISK".parse::<Currency>(), Err(UnknownCurrency));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_currency_is_read_from_its_code_alone() {
        fuzzing::text("currency", |text| {
            if let Ok(currency) = text.parse::<Currency>() {
                assert!(currency.code().eq_ignore_ascii_case(text));
            }
        });
    }
}
