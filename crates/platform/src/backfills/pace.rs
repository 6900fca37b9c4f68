use std::time::Duration;

/// The most rows that a batch may look at (requirement B10).
pub const MAX_BATCH: i32 = 1_000;

/// How hard a backfill works: batches that hold nobody up, and a rest after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many rows the first batch looks at. Few, because nobody knows yet how long a row takes.
    pub first: i32,
    /// How long a batch is meant to take: until it has ended, whoever changes one of its rows waits.
    pub batch: Duration,
    /// The shortest rest. It is never shorter than the batch took either, so that at least half of the time is left to
    /// others, and to replicas that have to keep up.
    pub rest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: 100,
            batch: Duration::from_millis(200),
            rest: Duration::from_millis(100),
        }
    }
}

impl Pace {
    /// How many rows to look at after a batch of `size` that `took` so long: as many as take the time that is meant, but
    /// never more than twice as many, since one quick batch says little about the next.
    pub(super) fn next_size(self, size: i32, took: Duration) -> i32 {
        let factor = self.batch.as_secs_f64() / took.as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is at most twice the size"
        )]
        let size = (f64::from(size) * factor.min(2.0)) as i32;
        size.clamp(1, MAX_BATCH)
    }

    /// How long to rest after a batch that `took` so long.
    pub(super) fn rest_after(self, took: Duration) -> Duration {
        took.max(self.rest)
    }
}

/// How many rows a batch of `size` looks at when it is tried for the `attempt`th time: half as many each time. A batch that
/// takes longer than a statement may would otherwise fail again and again.
pub(super) fn size_of_attempt(size: i32, attempt: i16) -> i32 {
    let halvings = u32::try_from(attempt - 1).unwrap_or(0);
    size.checked_shr(halvings).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        first: 100,
        batch: Duration::from_millis(200),
        rest: Duration::from_millis(100),
    };

    #[test]
    fn batches_grow_and_shrink_towards_the_time_that_is_meant_and_never_above_a_thousand_rows() {
        let next = |size, ms| PACE.next_size(size, Duration::from_millis(ms));
        assert_eq!(next(100, 200), 100);
        assert_eq!(next(100, 160), 125);
        assert_eq!(next(100, 0), 200);
        assert_eq!(next(800, 2_000), 80);
        assert_eq!(next(1, 60_000), 1);
        assert_eq!(next(MAX_BATCH, 1), MAX_BATCH);
        assert_eq!(next(i32::MAX, 1), MAX_BATCH);
    }

    #[test]
    fn a_rest_is_as_long_as_the_batch_and_never_too_short() {
        let rest = |ms| PACE.rest_after(Duration::from_millis(ms)).as_millis();
        assert_eq!(rest(3), 100);
        assert_eq!(rest(700), 700);
    }

    #[test]
    fn each_further_attempt_looks_at_half_as_many_rows() {
        let sizes = [1, 2, 3, 10, 11, 20, i16::MAX].map(|attempt| size_of_attempt(1_000, attempt));
        assert_eq!(sizes, [1_000, 500, 250, 1, 1, 1, 1]);
    }
}
