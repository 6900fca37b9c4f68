//! The circuit breaker: a partner that does not work is left alone for a while, and its callers hear so at once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::standing::BreakerState;

/// When to stop calling a partner, and for how long (requirement D2).
#[derive(Clone, Debug)]
pub struct BreakerSettings {
    /// How many failures in a row open the breaker, within [`BreakerSettings::window`]. In a row, because a busy partner
    /// that fails now and then would otherwise be cut off every minute.
    pub failures: usize,
    /// At how many calls within the window the share of failures counts: half of them open the breaker.
    pub calls: usize,
    /// How far back it looks.
    pub window: Duration,
    /// How long it stays open before one call may try.
    pub open: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            calls: 20,
            window: Duration::from_mins(1),
            open: Duration::from_secs(30),
        }
    }
}

impl BreakerSettings {
    /// Never to stop: for many partners under one name, of whom one must not cut the others off.
    pub(super) fn never() -> Self {
        Self {
            failures: usize::MAX,
            calls: usize::MAX,
            ..Self::default()
        }
    }
}

/// Remembering more calls than this would not change the answer, and a busy partner has many in a minute.
const MOST_REMEMBERED: usize = 1_000;

#[derive(Debug)]
pub(super) struct Breaker {
    name: &'static str,
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Calls pass. The recent ones, oldest first, with whether they failed.
    Closed(VecDeque<(Instant, bool)>),
    /// No call passes until then.
    Open(Instant),
    /// One call is trying whether the partner is back.
    Probing,
}

/// The breaker is open: the call must not be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IsOpen;

/// The right to make one call. Dropped without a word, as a caller who goes away does, it counts for nothing.
#[derive(Debug)]
#[must_use = "say how the call went"]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    is_settled: bool,
}

impl Breaker {
    pub(super) fn new(name: &'static str, settings: BreakerSettings) -> Self {
        let breaker = Self {
            name,
            settings,
            state: Mutex::new(State::Closed(VecDeque::new())),
        };
        breaker.publish(&breaker.state());
        breaker
    }

    /// What it does with the next call.
    pub(super) fn describe(&self) -> BreakerState {
        match *self.state() {
            State::Closed(_) => BreakerState::Closed,
            State::Probing => BreakerState::Probing,
            State::Open(_) => BreakerState::Open,
        }
    }

    /// Asks whether a call may be made now.
    pub(super) fn admit(&self) -> Result<Pass<'_>, IsOpen> {
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed(_) => false,
            State::Open(until) if until <= Instant::now() => true,
            State::Open(_) | State::Probing => return Err(IsOpen),
        };
        if is_probe {
            *state = State::Probing;
            self.publish(&state);
        }
        Ok(Pass {
            breaker: self,
            is_probe,
            is_settled: false,
        })
    }

    fn record(&self, is_probe: bool, failed: bool) {
        let now = Instant::now();
        let mut state = self.state();
        match &mut *state {
            State::Probing if is_probe => {
                *state = if failed {
                    State::Open(now + self.settings.open)
                } else {
                    tracing::info!(dependency = self.name, "a partner works again");
                    State::Closed(VecDeque::new())
                };
            }
            State::Closed(recent) if !is_probe => {
                recent.push_back((now, failed));
                while recent.len() > MOST_REMEMBERED
                    || recent
                        .front()
                        .is_some_and(|(at, _)| now.duration_since(*at) > self.settings.window)
                {
                    recent.pop_front();
                }
                if failed && self.is_too_much(recent) {
                    tracing::error!(
                        dependency = self.name,
                        "a partner does not work: it is left alone"
                    );
                    *state = State::Open(now + self.settings.open);
                }
            }
            // A call that began before the breaker opened says nothing about the partner as it is now.
            _ => {}
        }
        self.publish(&state);
    }

    fn is_too_much(&self, recent: &VecDeque<(Instant, bool)>) -> bool {
        let in_a_row = recent
            .iter()
            .rev()
            .take_while(|(_, failed)| *failed)
            .count();
        let failures = recent.iter().filter(|(_, failed)| *failed).count();
        in_a_row >= self.settings.failures
            || (recent.len() >= self.settings.calls && failures * 2 >= recent.len())
    }

    /// A probe whose caller went away has told nothing: the next call may try.
    fn give_up_probe(&self) {
        let mut state = self.state();
        *state = State::Open(Instant::now());
        self.publish(&state);
    }

    fn publish(&self, state: &State) {
        let value = match state {
            State::Closed(_) => 0.0,
            State::Probing => 1.0,
            State::Open(_) => 2.0,
        };
        metrics::gauge!("outbound_breaker_state", "dependency" => self.name).set(value);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The partner did what it is there for, or refused for good reasons.
    pub(super) fn worked(self) {
        self.settle(false);
    }

    /// The partner did not answer, answered that it is broken, or took too long.
    pub(super) fn failed(self) {
        self.settle(true);
    }

    fn settle(mut self, failed: bool) {
        self.is_settled = true;
        self.breaker.record(self.is_probe, failed);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe && !self.is_settled {
            self.breaker.give_up_probe();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> Breaker {
        Breaker::new("partner", BreakerSettings::default())
    }

    impl Breaker {
        fn works(&self) {
            self.admit().unwrap().worked();
        }

        fn fails(&self) {
            self.admit().unwrap().failed();
        }

        fn is_open(&self) -> bool {
            matches!(*self.state(), State::Open(_))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_within_a_minute_open_it() {
        let breaker = breaker();
        for _ in 0..4 {
            breaker.fails();
        }
        advance(SECOND * 61).await;
        for _ in 0..4 {
            breaker.fails();
        }
        assert!(!breaker.is_open());
        breaker.fails();
        assert_eq!(breaker.admit().unwrap_err(), IsOpen);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_now_and_then_do_not() {
        let breaker = breaker();
        for _ in 0..100 {
            breaker.works();
            breaker.works();
            breaker.fails();
        }
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_twenty_calls_open_it() {
        let breaker = breaker();
        for _ in 0..9 {
            breaker.works();
            breaker.fails();
        }
        breaker.works();
        assert!(!breaker.is_open());
        breaker.fails();
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn after_half_a_minute_one_call_tries_and_its_success_closes_it() {
        let breaker = breaker();
        for _ in 0..5 {
            breaker.fails();
        }
        advance(SECOND * 29).await;
        assert!(breaker.admit().is_err());
        advance(SECOND).await;
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err());
        probe.worked();
        breaker.works();
        // What failed before is forgotten.
        breaker.fails();
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_fails_opens_it_for_as_long_again() {
        let breaker = breaker();
        for _ in 0..5 {
            breaker.fails();
        }
        advance(SECOND * 30).await;
        breaker.fails();
        advance(SECOND * 29).await;
        assert!(breaker.admit().is_err());
        advance(SECOND).await;
        breaker.works();
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_whose_caller_went_away_leaves_room_for_the_next() {
        let breaker = breaker();
        for _ in 0..5 {
            breaker.fails();
        }
        advance(SECOND * 30).await;
        drop(breaker.admit().unwrap());
        breaker.works();
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_it_opened_changes_nothing() {
        let breaker = breaker();
        let slow = breaker.admit().unwrap();
        for _ in 0..5 {
            breaker.fails();
        }
        slow.worked();
        assert!(breaker.is_open());
    }

    /// Whatever happens in whatever order: while it is open nobody passes, and never more than one tries.
    #[tokio::test(start_paused = true)]
    async fn nobody_passes_an_open_breaker_whatever_happened() {
        let entropy = kernel::Entropy::seeded(7);
        let breaker = breaker();
        let mut under_way: Vec<Pass<'_>> = Vec::new();
        for _ in 0..20_000 {
            let [choice, which] = entropy.bytes::<2>();
            match choice % 8 {
                0..4 => {
                    let was = matches!(*breaker.state(), State::Closed(_));
                    if let Ok(pass) = breaker.admit() {
                        assert!(was || pass.is_probe);
                        under_way.push(pass);
                    }
                }
                4..7 if !under_way.is_empty() => {
                    let pass = under_way.swap_remove(usize::from(which) % under_way.len());
                    match choice % 8 {
                        4 => pass.worked(),
                        5 => pass.failed(),
                        _ => drop(pass),
                    }
                }
                _ => advance(SECOND * u32::from(which % 32)).await,
            }
            assert!(under_way.iter().filter(|pass| pass.is_probe).count() <= 1);
        }
    }
}
