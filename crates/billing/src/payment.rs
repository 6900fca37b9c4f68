//! The payment of one order: its state, and the pure functions that move it.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Money, OrderId, PaymentId, UserId};
use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// How long a customer may take at the provider's payment page.
const SESSION_LIFETIME: TimeDelta = TimeDelta::minutes(60);

/// The provider refuses to open a session that would live for less than 30 minutes; one more allows for slow calls and
/// clocks.
const SHORTEST_SESSION: TimeDelta = TimeDelta::minutes(31);

/// Where a payment stands.
///
/// `Opened` and `Pending` alternate, as checkout sessions come and expire, until money arrives. `Abandoned` is not the
/// end: a customer may pay in the moment in which the order is cancelled, and that money must be booked to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Waits for the customer; no checkout session is known to be live.
    Opened,
    /// A checkout session is live at the provider.
    Pending,
    /// The money has arrived.
    Succeeded,
    /// The money has gone back.
    Refunded,
    /// What arrived is not what was asked for. A person has to sort it out.
    Failed,
    /// The order was cancelled before it was paid.
    Abandoned,
}

impl PaymentStatus {
    const ALL: [Self; 6] = [
        Self::Opened,
        Self::Pending,
        Self::Succeeded,
        Self::Refunded,
        Self::Failed,
        Self::Abandoned,
    ];

    /// The name under which databases and programs know the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for PaymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for PaymentStatus {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or(UnknownName)
    }
}

/// The payment's status does not allow what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {0} does not allow this")]
pub struct InvalidTransition(pub PaymentStatus);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) order_id: OrderId,
    pub(crate) order_number: String,
    pub(crate) user_id: UserId,
    pub(crate) amount: Money,
    pub(crate) status: PaymentStatus,
    /// The checkout session that was asked for last.
    pub(crate) attempt: Option<Attempt>,
    /// What the provider answered to `attempt`. It stays when the session has ended, because that attempt must not be
    /// repeated: its key would bring back the ended session.
    pub(crate) session: Option<Session>,
    pub(crate) intent_id: Option<String>,
    pub(crate) paid_at: Option<DateTime<Utc>>,
    pub(crate) failure: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
}

/// One request for a checkout session. It is committed before it is sent, so that it can be repeated word for word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) number: i32,
    pub(crate) expires_at: DateTime<Utc>,
}

/// A checkout session at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) url: String,
}

/// What has to happen to get the customer to a payment page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// The live session will do.
    Reuse(Session),
    /// The session should be over. Only the provider knows whether it was paid in its last moment, so it must be asked
    /// before another is opened: two sessions could both be paid.
    AskProvider(Session),
    /// The provider has to open a session for this attempt.
    OpenSession(Attempt),
}

/// Money that the provider holds for us, in its own words: the currency may be one that we do not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) intent_id: String,
    pub(crate) minor: i64,
    pub(crate) currency: String,
}

impl Received {
    pub(crate) fn is(&self, amount: Money) -> bool {
        self.minor == amount.minor() && self.currency.eq_ignore_ascii_case(amount.currency().code())
    }
}

/// What the arrival of money changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// The payment has just succeeded.
    Settled,
    /// It had succeeded before, with the same money.
    Known,
    /// It had succeeded before, and this is other money.
    PaidTwice,
    /// Amount or currency differ: the payment has just failed.
    Mismatch,
    /// It had failed before.
    StillFailed,
}

impl Payment {
    /// Finds the customer's way to a payment page. An attempt that has to be sent is noted in the payment.
    pub(crate) fn next_step(&mut self, now: DateTime<Utc>) -> Result<NextStep, InvalidTransition> {
        match (self.status, &self.session, self.attempt) {
            (PaymentStatus::Pending, Some(session), Some(attempt)) => {
                let session = session.clone();
                Ok(if now < attempt.expires_at {
                    NextStep::Reuse(session)
                } else {
                    NextStep::AskProvider(session)
                })
            }
            // Without its session, the attempt got no answer, or none that arrived here.
            (PaymentStatus::Opened, None, Some(unanswered))
                if now + SHORTEST_SESSION <= unanswered.expires_at =>
            {
                Ok(NextStep::OpenSession(unanswered))
            }
            (PaymentStatus::Opened, ..) => {
                let attempt = Attempt {
                    number: self.attempt.map_or(0, |last| last.number) + 1,
                    expires_at: now + SESSION_LIFETIME,
                };
                self.attempt = Some(attempt);
                self.session = None;
                Ok(NextStep::OpenSession(attempt))
            }
            _ => Err(InvalidTransition(self.status)),
        }
    }

    /// The provider has opened the session of attempt `number`.
    pub(crate) fn session_opened(
        &mut self,
        number: i32,
        session: Session,
    ) -> Result<(), InvalidTransition> {
        let answered = self.attempt.is_some_and(|last| last.number == number);
        match (self.status, &self.session) {
            (PaymentStatus::Opened, None) if answered => {
                self.status = PaymentStatus::Pending;
                self.session = Some(session);
                Ok(())
            }
            // Two clicks send one attempt twice, and the provider answers both with one session.
            (PaymentStatus::Pending, Some(known)) if *known == session => Ok(()),
            _ => Err(InvalidTransition(self.status)),
        }
    }

    /// The session ended without money, so another may be opened. News of an earlier session change nothing.
    pub(crate) fn session_ended(&mut self, session_id: &str) {
        let current = self.session.as_ref().is_some_and(|it| it.id == session_id);
        if self.status == PaymentStatus::Pending && current {
            self.status = PaymentStatus::Opened;
        }
    }

    /// Money has arrived.
    pub(crate) fn settle(&mut self, received: Received, now: DateTime<Utc>) -> Settlement {
        let known = self.intent_id.as_ref() == Some(&received.intent_id);
        match self.status {
            PaymentStatus::Succeeded | PaymentStatus::Refunded if known => Settlement::Known,
            PaymentStatus::Succeeded | PaymentStatus::Refunded => Settlement::PaidTwice,
            PaymentStatus::Failed => Settlement::StillFailed,
            PaymentStatus::Opened | PaymentStatus::Pending | PaymentStatus::Abandoned
                if received.is(self.amount) =>
            {
                self.status = PaymentStatus::Succeeded;
                self.intent_id = Some(received.intent_id);
                self.paid_at = Some(now);
                Settlement::Settled
            }
            PaymentStatus::Opened | PaymentStatus::Pending | PaymentStatus::Abandoned => {
                self.status = PaymentStatus::Failed;
                self.failure = Some(format!(
                    "{} {} (minor units) arrived as {} instead of {}",
                    received.minor, received.currency, received.intent_id, self.amount
                ));
                Settlement::Mismatch
            }
        }
    }

    /// The order is cancelled. Gives the session that has to be closed at the provider.
    pub(crate) fn abandon(&mut self) -> Result<Option<Session>, InvalidTransition> {
        match self.status {
            PaymentStatus::Opened => {
                self.status = PaymentStatus::Abandoned;
                Ok(None)
            }
            PaymentStatus::Pending => {
                self.status = PaymentStatus::Abandoned;
                Ok(self.session.clone())
            }
            _ => Err(InvalidTransition(self.status)),
        }
    }

    /// What can still be given back, where `refunded` has been given or promised already.
    pub(crate) fn refundable(&self, refunded: i64) -> Result<Money, InvalidTransition> {
        let left = self.amount.minor() - refunded;
        if self.status == PaymentStatus::Succeeded && left > 0 {
            Ok(Money::new(left, self.amount.currency()))
        } else {
            Err(InvalidTransition(self.status))
        }
    }

    /// All of the money has gone back.
    pub(crate) fn refund(&mut self) -> Result<(), InvalidTransition> {
        match self.status {
            PaymentStatus::Succeeded => {
                self.status = PaymentStatus::Refunded;
                Ok(())
            }
            _ => Err(InvalidTransition(self.status)),
        }
    }
}
