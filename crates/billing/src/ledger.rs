//! Double-entry bookkeeping: every transaction debits one account with what it credits to another.

use std::str::FromStr;
use tracing::instrument;

use anyhow::Context as _;
use kernel::{Money, PaymentId, RefundId};
use platform::db::Tx;
use serde::Serialize;
use uuid::Uuid;

use crate::{Billing, UnknownName, db};

/// An account of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What the payment provider holds for us.
    ProviderClearing,
    /// What we have sold; a credit balance, so negative.
    Sales,
}

/// What stands in an account, in one currency. Debits are positive, credits negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// Its balance.
    pub balance: Money,
}

/// A ledger transaction to write.
pub(crate) struct Booking {
    /// The payment or refund that it books, and by which it is unique.
    pub(crate) cause: Uuid,
    pub(crate) kind: &'static str,
    pub(crate) entries: [Entry; 2],
}

pub(crate) struct Entry {
    pub(crate) account: Account,
    pub(crate) amount: Money,
}

impl Account {
    /// The name under which the database knows the account.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProviderClearing => "provider_clearing",
            Self::Sales => "sales",
        }
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for Account {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::ProviderClearing, Self::Sales]
            .into_iter()
            .find(|account| account.as_str() == name)
            .ok_or(UnknownName)
    }
}

impl Booking {
    /// A customer has paid.
    pub(crate) fn of_payment(payment_id: PaymentId, amount: Money) -> Self {
        Self {
            cause: payment_id.as_uuid(),
            kind: "payment",
            entries: [
                Entry::debit(Account::ProviderClearing, amount),
                Entry::credit(Account::Sales, amount),
            ],
        }
    }

    /// A customer has their money back.
    pub(crate) fn of_refund(refund_id: RefundId, amount: Money) -> Self {
        Self {
            cause: refund_id.as_uuid(),
            kind: "refund",
            entries: [
                Entry::debit(Account::Sales, amount),
                Entry::credit(Account::ProviderClearing, amount),
            ],
        }
    }
}

impl Entry {
    fn debit(account: Account, amount: Money) -> Self {
        Self { account, amount }
    }

    fn credit(account: Account, amount: Money) -> Self {
        Self {
            account,
            amount: Money::new(-amount.minor(), amount.currency()),
        }
    }
}

impl Billing {
    pub(crate) async fn book(&self, tx: &mut Tx, booking: &Booking) -> anyhow::Result<()> {
        db::ledger::insert(tx, booking, self.clock.now())
            .await
            .context("insert ledger transaction")
    }

    /// What stands in each account of the ledger. Over all accounts, each currency sums to zero.
    ///
    /// # Errors
    /// If the database cannot be reached.
    #[instrument(name = "billing.ledger_balance", skip_all)]
    pub async fn ledger_balance(&self) -> anyhow::Result<Vec<AccountBalance>> {
        let mut connection = self.db.acquire().await?;
        db::ledger::balances(&mut connection)
            .await
            .context("sum ledger entries")
    }

    /// How many payments and refunds were made and not booked, or booked and not made: none, in sound books.
    ///
    /// # Errors
    /// If the database cannot be reached.
    #[instrument(name = "billing.count_unbooked", skip_all)]
    pub async fn count_unbooked(&self) -> anyhow::Result<i64> {
        let mut connection = self.db.acquire().await?;
        db::ledger::count_unbooked(&mut connection)
            .await
            .context("compare payments with the ledger")
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, Currency, Entropy};

    use super::*;

    #[test]
    fn what_one_account_gives_the_other_takes() {
        let (clock, entropy) = (Clock::system(), Entropy::seeded(1));
        let amount = Money::new(4_200, Currency::Eur);
        for booking in [
            Booking::of_payment(PaymentId::generate(&clock, &entropy), amount),
            Booking::of_refund(RefundId::generate(&clock, &entropy), amount),
        ] {
            let entries = booking.entries.iter().map(|entry| entry.amount);
            assert_eq!(
                Money::sum(Currency::Eur, entries),
                Ok(Money::zero(Currency::Eur))
            );
        }
    }

    #[test]
    fn a_refund_undoes_its_payment() {
        let (clock, entropy) = (Clock::system(), Entropy::seeded(1));
        let amount = Money::new(4_200, Currency::Eur);
        let payment = Booking::of_payment(PaymentId::generate(&clock, &entropy), amount);
        let refund = Booking::of_refund(RefundId::generate(&clock, &entropy), amount);
        let in_clearing = |booking: &Booking| {
            let entries = booking.entries.iter();
            let here = entries.filter(|entry| entry.account == Account::ProviderClearing);
            here.map(|entry| entry.amount.minor()).sum::<i64>()
        };
        assert_eq!(in_clearing(&payment), 4_200);
        assert_eq!(in_clearing(&payment) + in_clearing(&refund), 0);
    }
}
