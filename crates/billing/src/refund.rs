//! Money that goes back: its state, and the pure functions that move it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use kernel::{Money, PaymentId, RefundId, UserId};
use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// Saved, and the provider is or will be asked for it.
    Requested,
    /// The money is on its way to the customer.
    Succeeded,
    /// The provider will not do it. A person has to sort it out.
    Failed,
}

impl RefundStatus {
    /// The name under which databases and programs know the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for RefundStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for RefundStatus {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::Requested, Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or(UnknownName)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refund {
    pub(crate) id: RefundId,
    pub(crate) payment_id: PaymentId,
    pub(crate) amount: Money,
    pub(crate) status: RefundStatus,
    pub(crate) reason: String,
    /// `None` where the application gives back money that came for a cancelled order.
    pub(crate) requested_by: Option<UserId>,
    pub(crate) provider_refund_id: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) requested_at: DateTime<Utc>,
}

impl Refund {
    /// The provider has given the money back. Returns whether that is news.
    pub(crate) fn succeed(&mut self) -> bool {
        let news = self.status != RefundStatus::Succeeded;
        self.status = RefundStatus::Succeeded;
        self.failure = None;
        news
    }

    /// The provider will not give the money back. Returns whether that is news.
    ///
    /// A bank can return a refund long after it succeeded. The books then say what is no longer true, and only a person
    /// can find another way to pay the customer: the caller has to raise the alarm and leave the books alone.
    pub(crate) fn fail(&mut self, failure: String) -> bool {
        let news = self.status == RefundStatus::Requested;
        if news {
            self.status = RefundStatus::Failed;
            self.failure = Some(failure);
        }
        news
    }
}

/// What of a payment has been given back or promised, in minor units.
pub(crate) fn committed(refunds: &[Refund]) -> i64 {
    total(refunds, |status| status != RefundStatus::Failed)
}

/// What of a payment has been given back, in minor units.
pub(crate) fn returned(refunds: &[Refund]) -> i64 {
    total(refunds, |status| status == RefundStatus::Succeeded)
}

fn total(refunds: &[Refund], counts: impl Fn(RefundStatus) -> bool) -> i64 {
    let counted = refunds.iter().filter(|refund| counts(refund.status));
    counted.map(|refund| refund.amount.minor()).sum()
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, Currency, Entropy};

    use super::*;

    fn requested(minor: i64) -> Refund {
        let (clock, entropy) = (Clock::system(), Entropy::seeded(1));
        Refund {
            id: RefundId::generate(&clock, &entropy),
            payment_id: PaymentId::generate(&clock, &entropy),
            amount: Money::new(minor, Currency::Eur),
            status: RefundStatus::Requested,
            reason: "Damaged".to_owned(),
            requested_by: None,
            provider_refund_id: None,
            failure: None,
            requested_at: clock.now(),
        }
    }

    #[test]
    fn a_refund_succeeds_once() {
        let mut refund = requested(100);
        assert!(refund.succeed());
        assert!(!refund.succeed());
    }

    #[test]
    fn a_refund_that_succeeded_stays_booked_when_the_bank_returns_it() {
        let mut refund = requested(100);
        refund.succeed();
        assert!(!refund.fail("expired_or_canceled_card".to_owned()));
        assert_eq!(refund.status, RefundStatus::Succeeded);
    }

    #[test]
    fn a_failed_refund_frees_its_amount() {
        let mut refunds = vec![requested(100), requested(20)];
        assert_eq!(committed(&refunds), 120);
        refunds[0].fail("declined".to_owned());
        assert_eq!(committed(&refunds), 20);
    }

    #[test]
    fn what_is_only_promised_has_not_been_given_back() {
        let mut refunds = vec![requested(100), requested(20)];
        refunds[1].succeed();
        assert_eq!((committed(&refunds), returned(&refunds)), (120, 20));
    }
}
