//! What every call to a partner passes through, whatever its protocol: the breaker, the bulkhead, the deadline, the
//! metrics.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::breaker::{Breaker, BreakerSettings};
use super::standing::{LastCall, Standing};

/// The limits on calls to one partner.
#[derive(Debug)]
pub(crate) struct Guard {
    name: &'static str,
    deadline: Duration,
    bulkhead: Semaphore,
    breaker: Breaker,
    last: Mutex<Option<LastCall>>,
}

/// The call was not made, or not awaited to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The partner has failed too often of late. Nothing was sent.
    #[error("the partner does not work at the moment")]
    BreakerOpen,
    /// Too many calls are under way. Nothing was sent.
    #[error("too many calls are under way")]
    BulkheadFull,
    /// The deadline passed. Whether the partner acted is unknown.
    #[error("the answer did not come in time")]
    Deadline,
}

impl Refusal {
    /// The label under which the metrics count it.
    pub(crate) const fn outcome(self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker_open",
            Self::BulkheadFull => "bulkhead_full",
            Self::Deadline => "deadline",
        }
    }
}

/// What a result says about the partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It works.
    Works,
    /// It is broken.
    Broken,
}

impl Guard {
    pub(crate) fn new(
        name: &'static str,
        deadline: Duration,
        bulkhead: usize,
        breaker: BreakerSettings,
    ) -> Self {
        Self {
            name,
            deadline,
            bulkhead: Semaphore::new(bulkhead),
            breaker: Breaker::new(name, breaker),
            last: Mutex::default(),
        }
    }

    /// How the partner stands.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            dependency: self.name,
            breaker: self.breaker.describe(),
            last: *self.last.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn remember(&self, outcome: &'static str, worked: bool, took: Duration) {
        let call = LastCall {
            outcome,
            worked,
            took,
            ended: Instant::now(),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }

    /// Makes one call. `judge` gives the label under which its result is counted, and what it says about the partner. A
    /// call that took more than half of its deadline speaks against the partner too: the next ones will not be faster.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = T>,
        judge: impl FnOnce(&T) -> (&'static str, Verdict),
    ) -> Result<T, Refusal> {
        self.call_within(self.deadline, call, judge).await
    }

    /// As [`Guard::call`], with less time.
    pub(crate) async fn call_within<T>(
        &self,
        deadline: Duration,
        call: impl Future<Output = T>,
        judge: impl FnOnce(&T) -> (&'static str, Verdict),
    ) -> Result<T, Refusal> {
        let started = Instant::now();
        let result = self.limited(deadline, call, judge, started).await;
        let outcome = match &result {
            Ok((outcome, _)) => outcome,
            Err(refusal) => refusal.outcome(),
        };
        count(self.name, outcome, started.elapsed());
        result.map(|(_, value)| value)
    }

    async fn limited<T>(
        &self,
        deadline: Duration,
        call: impl Future<Output = T>,
        judge: impl FnOnce(&T) -> (&'static str, Verdict),
        started: Instant,
    ) -> Result<(&'static str, T), Refusal> {
        let _place = self
            .bulkhead
            .try_acquire()
            .map_err(|_| Refusal::BulkheadFull)?;
        let pass = self.breaker.admit().map_err(|_| Refusal::BreakerOpen)?;
        let Ok(value) = tokio::time::timeout(deadline, call).await else {
            pass.failed();
            self.remember(Refusal::Deadline.outcome(), false, started.elapsed());
            return Err(Refusal::Deadline);
        };
        let (outcome, verdict) = judge(&value);
        self.remember(outcome, verdict == Verdict::Works, started.elapsed());
        if verdict == Verdict::Broken || started.elapsed() > self.deadline / 2 {
            pass.failed();
        } else {
            pass.worked();
        }
        Ok((outcome, value))
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.bulkhead.available_permits()
    }
}

/// Counts one call to a partner and times it.
fn count(dependency: &'static str, outcome: &'static str, took: Duration) {
    metrics::counter!("outbound_calls_total", "dependency" => dependency, "outcome" => outcome)
        .increment(1);
    metrics::histogram!("outbound_call_duration_seconds", "dependency" => dependency).record(took);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(
            "partner",
            Duration::from_secs(4),
            1,
            BreakerSettings::default(),
        )
    }

    async fn answer(guard: &Guard, after: u64) -> Result<(), Refusal> {
        let call = tokio::time::sleep(Duration::from_secs(after));
        guard.call(call, |()| ("ok", Verdict::Works)).await
    }

    #[tokio::test(start_paused = true)]
    async fn slow_calls_and_calls_without_an_answer_open_the_breaker() {
        for took in [3, 5] {
            let guard = guard();
            for _ in 0..5 {
                assert_ne!(answer(&guard, took).await, Err(Refusal::BreakerOpen));
            }
            let refused = answer(&guard, 0).await;
            assert_eq!(refused, Err(Refusal::BreakerOpen), "{took} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_answers_without_waiting() {
        let guard = guard();
        for _ in 0..5 {
            let broken = guard.call(async {}, |()| ("server_error", Verdict::Broken));
            broken.await.unwrap();
        }
        let since = Instant::now();
        assert_eq!(answer(&guard, 3).await, Err(Refusal::BreakerOpen));
        assert_eq!(since.elapsed(), Duration::ZERO);
    }
}
