use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{DeliveryId, EndpointId};
use uuid::Uuid;

use crate::UnknownName;
use crate::endpoint::Health;
use crate::event_kind::EventKind;

/// The pauses before the second, third … attempt: those that the specification recommends, three days in all.
const PAUSES: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::minutes(5),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(5),
    TimeDelta::hours(10),
    TimeDelta::hours(14),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

/// After how many attempts a message is given up.
pub(crate) const MOST_ATTEMPTS: i16 = 10;

/// The longest pause that an endpoint can ask for.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(1);

/// One message for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub endpoint_id: EndpointId,
    /// What it tells of: the same for all endpoints, and in every attempt.
    pub(crate) message_id: Uuid,
    /// The kind of event.
    pub event: EventKind,
    /// What is sent, to the letter.
    pub payload: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How many attempts were made.
    pub attempts: i16,
    /// After how many it is given up.
    pub(crate) most_attempts: i16,
    /// What came of the last attempt.
    pub outcome: Option<Outcome>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the last attempt was made.
    pub attempted_at: Option<DateTime<Utc>>,
    /// When the next one is due; `None` if there is none.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with this status.
    Answered(u16),
    /// No answer came in time.
    TimedOut,
    /// No connection could be opened.
    Unreachable,
    /// The connection broke, or what came was not HTTP.
    BrokeOff,
    /// The address is not on the public internet. Nothing was sent.
    AddressRefused,
    /// The endpoint was switched off meanwhile. Nothing was sent.
    EndpointDisabled,
}

impl Outcome {
    /// What it says about the endpoint.
    pub(crate) const fn health(self) -> Health {
        match self {
            Self::Answered(200..=299) => Health::Works,
            Self::Answered(410) => Health::Gone,
            _ => Health::Fails,
        }
    }

    /// The name under which databases and programs know it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::BrokeOff => "broke_off",
            Self::AddressRefused => "address_refused",
            Self::EndpointDisabled => "endpoint_disabled",
        }
    }

    /// The status that the endpoint answered with, if it did.
    #[must_use]
    pub const fn response_status(self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(status),
            _ => None,
        }
    }

    /// What two columns hold.
    pub(crate) fn from_db(name: &str, status: Option<i16>) -> Option<Self> {
        Some(match (name, status) {
            ("answered", Some(status)) => Self::Answered(status.try_into().ok()?),
            ("timed_out", None) => Self::TimedOut,
            ("unreachable", None) => Self::Unreachable,
            ("broke_off", None) => Self::BrokeOff,
            ("address_refused", None) => Self::AddressRefused,
            ("endpoint_disabled", None) => Self::EndpointDisabled,
            _ => return None,
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "Answered {status}"),
            Self::TimedOut => f.write_str("No answer within 5 seconds"),
            Self::Unreachable => f.write_str("No connection"),
            Self::BrokeOff => f.write_str("The connection broke off"),
            Self::AddressRefused => f.write_str("Not sent: not a public address"),
            Self::EndpointDisabled => f.write_str("Not sent: the endpoint was switched off"),
        }
    }
}

impl Delivery {
    /// What the receiver knows the message by. It holds no `.`, which separates what is signed.
    #[must_use]
    pub fn message(&self) -> String {
        message(self.message_id)
    }

    /// Takes note of what came of an attempt. `asked` is the pause that the endpoint asked for; `jitter` any random number.
    pub(crate) fn note(
        &mut self,
        outcome: Outcome,
        asked: Option<TimeDelta>,
        now: DateTime<Utc>,
        jitter: u64,
    ) {
        self.attempts += 1;
        self.outcome = Some(outcome);
        self.attempted_at = Some(now);
        let health = outcome.health();
        self.next_attempt_at = (health == Health::Fails && self.attempts < self.most_attempts)
            .then(|| now + pause(self.attempts, asked, jitter));
        self.status = match (health, self.next_attempt_at) {
            (Health::Works, _) => DeliveryStatus::Delivered,
            (_, Some(_)) => DeliveryStatus::Pending,
            (_, None) => DeliveryStatus::Failed,
        };
    }

    /// Nothing was sent, and nothing will be.
    pub(crate) fn give_up(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.next_attempt_at = None;
        self.status = DeliveryStatus::Failed;
    }

    /// Its owner wants it sent once more: one attempt, as they can ask for another.
    pub(crate) fn send_again(&mut self, now: DateTime<Utc>) {
        self.most_attempts = self.attempts + 1;
        self.next_attempt_at = Some(now);
        self.status = DeliveryStatus::Pending;
    }
}

/// See [`Delivery::message`].
pub(crate) fn message(id: Uuid) -> String {
    format!("msg_{}", id.simple())
}

/// The pause after `attempt`, or what the endpoint asked for, if that is longer. Up to a tenth more, so that what failed
/// together does not come back together.
fn pause(attempt: i16, asked: Option<TimeDelta>, jitter: u64) -> TimeDelta {
    let index = usize::try_from(attempt - 1).unwrap_or(0);
    let usual = PAUSES[index.min(PAUSES.len() - 1)];
    let asked = asked.unwrap_or_default().min(LONGEST_PAUSE);
    let pause = usual.max(asked);
    let tenth = u64::try_from(pause.num_milliseconds() / 10).unwrap_or(0);
    let more = i64::try_from(jitter % (tenth + 1)).unwrap_or(0);
    pause + TimeDelta::milliseconds(more)
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// An attempt is due, now or later.
    Pending,
    /// The endpoint has it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The name under which databases and programs know the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for DeliveryStatus {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.as_str() == name)
            .ok_or(UnknownName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_span_three_days() {
        let pauses = (1..MOST_ATTEMPTS).map(|attempt| pause(attempt, None, 0));
        let all: Vec<_> = pauses.collect();
        assert!(all.is_sorted());
        let whole: TimeDelta = all.into_iter().sum();
        assert_eq!(whole, TimeDelta::seconds(75 * 3600 + 35 * 60 + 5));
    }

    #[test]
    fn jitter_lengthens_a_pause_by_a_tenth_at_most() {
        for jitter in [0, 1, 12_345, u64::MAX] {
            let pause = pause(2, None, jitter);
            let longest = TimeDelta::minutes(5) + TimeDelta::seconds(30);
            assert!(
                (TimeDelta::minutes(5)..=longest).contains(&pause),
                "{pause}"
            );
        }
    }

    #[test]
    fn an_endpoint_may_ask_for_a_longer_pause_up_to_a_day() {
        let asked = |seconds| pause(1, Some(TimeDelta::seconds(seconds)), 0);
        assert_eq!(asked(1), TimeDelta::seconds(5));
        assert_eq!(asked(90), TimeDelta::seconds(90));
        assert_eq!(asked(i64::from(u32::MAX)), TimeDelta::days(1));
    }

    #[test]
    fn two_hundreds_are_success_and_nothing_else_is() {
        for status in [200, 202, 204, 299] {
            assert_eq!(Outcome::Answered(status).health(), Health::Works);
        }
        for status in [100, 301, 302, 400, 404, 429, 500, 503] {
            assert_eq!(Outcome::Answered(status).health(), Health::Fails);
        }
        assert_eq!(Outcome::Answered(410).health(), Health::Gone);
    }

    #[test]
    fn an_outcome_reads_back_from_its_columns() {
        for outcome in [
            Outcome::Answered(503),
            Outcome::TimedOut,
            Outcome::Unreachable,
            Outcome::BrokeOff,
            Outcome::AddressRefused,
            Outcome::EndpointDisabled,
        ] {
            let status = outcome
                .response_status()
                .map(|status| status.try_into().unwrap());
            assert_eq!(Outcome::from_db(outcome.as_str(), status), Some(outcome));
        }
        assert_eq!(Outcome::from_db("answered", None), None);
    }
}
