use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::text::is_visible_line;
use kernel::{EndpointId, UserId};

use crate::UnknownName;
use crate::endpoint_url::EndpointUrl;
use crate::event_kind::{EventKind, Subscription};

/// How many endpoints a person may have.
pub const MAX_ENDPOINTS: usize = 10;

/// How many attempts in a row have to fail before an endpoint is switched off, and over how long a time. A delivery is given
/// up after ten attempts and three days: an endpoint that takes nothing all that time is switched off with its first one.
const MOST_FAILURES: i32 = 10;
const FAILING_FOR: TimeDelta = TimeDelta::days(3);

/// Where somebody wants to be told of what happens to their orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where it is.
    pub url: EndpointUrl,
    /// What its owner calls it.
    pub description: Description,
    /// What it is told of.
    pub events: Subscription,
    /// Whether it is told anything.
    pub status: EndpointStatus,
    /// Which of its secrets signs; from 1.
    pub(crate) secret_generation: i32,
    /// Until when the secret before signs, too.
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// Attempts in a row that failed, and since when they do.
    pub(crate) failures: i32,
    /// Since when every attempt has failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

/// What an attempt says about an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It took the message.
    Works,
    /// It did not.
    Fails,
    /// It wants no more.
    Gone,
}

impl Endpoint {
    /// Whether an event of this kind is to be sent here.
    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.status == EndpointStatus::Enabled && self.events.includes(kind)
    }

    /// Its owner wants nothing for the time being.
    pub(crate) fn pause(&mut self) {
        self.status = EndpointStatus::Paused;
    }

    /// Its owner wants to be told again. What failed before is forgiven.
    pub(crate) fn enable(&mut self) {
        self.status = EndpointStatus::Enabled;
        self.forget_failures();
    }

    /// Gives it another secret. The one before signs along for a day, so that its owner can put the new one in place.
    pub(crate) fn rotate_secret(&mut self, now: DateTime<Utc>) {
        self.secret_generation += 1;
        self.previous_secret_until = Some(now + TimeDelta::days(1));
    }

    /// The generations whose secrets sign now, the current one first.
    pub(crate) fn signing_generations(&self, now: DateTime<Utc>) -> impl Iterator<Item = i32> {
        let previous = self.previous_secret_until.filter(|until| now < *until);
        let previous = previous.map(|_| self.secret_generation - 1);
        std::iter::once(self.secret_generation).chain(previous)
    }

    /// Takes note of an attempt; returns whether it switches the endpoint off.
    pub(crate) fn note(&mut self, health: Health, now: DateTime<Utc>) -> bool {
        if self.status != EndpointStatus::Enabled {
            return false;
        }
        match health {
            Health::Works => self.forget_failures(),
            Health::Fails => {
                let since = *self.failing_since.get_or_insert(now);
                self.failures += 1;
                if self.failures >= MOST_FAILURES && now - since >= FAILING_FOR {
                    self.status = EndpointStatus::Failing;
                }
            }
            Health::Gone => self.status = EndpointStatus::Gone,
        }
        self.status != EndpointStatus::Enabled
    }

    fn forget_failures(&mut self) {
        self.failures = 0;
        self.failing_since = None;
    }
}

/// Whether an endpoint is told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointStatus {
    /// It is.
    Enabled,
    /// Its owner has switched it off.
    Paused,
    /// It was switched off because it kept failing.
    Failing,
    /// It was switched off because it answered 410 Gone.
    Gone,
}

impl EndpointStatus {
    const ALL: [Self; 4] = [Self::Enabled, Self::Paused, Self::Failing, Self::Gone];

    /// The name under which databases and programs know the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

impl fmt::Display for EndpointStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for EndpointStatus {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.as_str() == name)
            .ok_or(UnknownName)
    }
}

/// What the owner of an endpoint calls it: one line of at most 100 characters, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(String);

/// The text is no line, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a description is one line of at most 100 characters")]
pub struct InvalidDescription;

impl Description {
    /// The greatest number of characters.
    pub const MAX_CHARS: usize = 100;

    /// Reads what somebody entered.
    pub fn parse(text: &str) -> Result<Self, InvalidDescription> {
        let text = text.trim();
        let fits = text.chars().count() <= Self::MAX_CHARS;
        if text.is_empty() || (fits && is_visible_line(text)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDescription)
        }
    }

    /// What a row says: it was parsed before.
    pub(crate) fn from_db(text: String) -> Self {
        Self(text)
    }

    /// The text; empty where there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, Entropy};
    use platform::testing::start_of_time;

    use super::*;

    fn an_endpoint() -> Endpoint {
        let (clock, entropy) = (Clock::fixed(start_of_time()), Entropy::seeded(1));
        Endpoint {
            id: EndpointId::generate(&clock, &entropy),
            user_id: UserId::generate(&clock, &entropy),
            url: EndpointUrl::parse("https://hooks.example/", false).unwrap(),
            description: Description::default(),
            events: Subscription::All,
            status: EndpointStatus::Enabled,
            secret_generation: 1,
            previous_secret_until: None,
            failures: 0,
            failing_since: None,
            created_at: clock.now(),
        }
    }

    #[test]
    fn an_endpoint_is_switched_off_when_ten_attempts_over_three_days_have_failed() {
        let now = start_of_time();
        let mut endpoint = an_endpoint();
        for _ in 0..20 {
            assert!(!endpoint.note(Health::Fails, now), "in a short while");
        }
        let almost = now + TimeDelta::days(3) - TimeDelta::seconds(1);
        assert!(!endpoint.note(Health::Fails, almost));
        assert!(endpoint.note(Health::Fails, now + TimeDelta::days(3)));
        assert_eq!(endpoint.status, EndpointStatus::Failing);

        let mut endpoint = an_endpoint();
        for failure in 1..10 {
            let later = now + TimeDelta::days(failure);
            assert!(!endpoint.note(Health::Fails, later), "{failure} attempts");
        }
        assert!(endpoint.note(Health::Fails, now + TimeDelta::days(10)));
    }

    #[test]
    fn one_message_that_is_taken_forgives_the_failures_before_it() {
        let now = start_of_time();
        let mut endpoint = an_endpoint();
        for _ in 0..9 {
            endpoint.note(Health::Fails, now);
        }
        endpoint.note(Health::Works, now + TimeDelta::days(2));
        let later = now + TimeDelta::days(4);
        assert!(!endpoint.note(Health::Fails, later));
        assert_eq!(endpoint.failing_since, Some(later));
    }

    #[test]
    fn what_is_gone_is_switched_off_at_once_and_enabling_begins_anew() {
        let now = start_of_time();
        let mut endpoint = an_endpoint();
        endpoint.note(Health::Fails, now);
        assert!(endpoint.note(Health::Gone, now));
        assert!(!endpoint.wants(EventKind::OrderPaid));
        assert!(!endpoint.note(Health::Fails, now), "it is off already");
        endpoint.enable();
        assert!(endpoint.wants(EventKind::OrderPaid));
        assert_eq!((endpoint.failures, endpoint.failing_since), (0, None));
    }

    #[test]
    fn the_secret_before_signs_along_for_a_day() {
        let now = start_of_time();
        let generations =
            |endpoint: &Endpoint, at| endpoint.signing_generations(at).collect::<Vec<_>>();
        let mut endpoint = an_endpoint();
        assert_eq!(generations(&endpoint, now), [1]);
        endpoint.rotate_secret(now);
        assert_eq!(generations(&endpoint, now), [2, 1]);
        let almost = now + TimeDelta::days(1) - TimeDelta::seconds(1);
        assert_eq!(generations(&endpoint, almost), [2, 1]);
        assert_eq!(generations(&endpoint, now + TimeDelta::days(1)), [2]);
    }

    #[test]
    fn a_description_is_a_line_or_nothing() {
        assert_eq!(Description::parse("  ").unwrap().as_str(), "");
        assert_eq!(Description::parse(" Ledger ").unwrap().as_str(), "Ledger");
        assert!(Description::parse(&"é".repeat(100)).is_ok());
        for text in ["a\nb", "a\0b", "a\u{202e}b", &"é".repeat(101)] {
            assert_eq!(Description::parse(text), Err(InvalidDescription));
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_description_is_a_line_that_reads_back() {
        fuzzing::text("description", |text| {
            if let Ok(description) = Description::parse(text) {
                let shown = description.as_str();
                assert!(!shown.contains(['\n', '\r', '\0']), "{shown:?}");
                assert!(shown.chars().count() <= Description::MAX_CHARS, "{shown:?}");
                assert_eq!(Description::parse(shown), Ok(description.clone()));
            }
        });
    }
}
