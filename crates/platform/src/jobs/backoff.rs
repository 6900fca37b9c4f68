use std::time::Duration;

/// The pause before the next run of a job that has failed `attempt` times: 2 s, 4 s, 8 s … up to an hour, of which the
/// upper half is random, so that what failed together does not come back together.
///
/// `jitter` is any random number. Twenty attempts span about nine hours: longer than an outage that nobody notices.
pub(super) fn backoff(attempt: i16, jitter: u64) -> Duration {
    const CEILING: Duration = Duration::from_hours(1);
    let exponent = u32::try_from(attempt.max(1)).unwrap_or(1);
    let whole = 2_u64
        .checked_pow(exponent)
        .map_or(CEILING, Duration::from_secs)
        .min(CEILING);
    let half = whole / 2;
    let span = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
    half + Duration::from_millis(jitter % (span + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        assert_eq!(backoff(1, 0), Duration::from_secs(1));
        assert_eq!(backoff(5, 0), Duration::from_secs(16));
        assert_eq!(backoff(20, 0), Duration::from_mins(30));
        assert_eq!(backoff(i16::MAX, 0), Duration::from_mins(30));
    }

    #[test]
    fn jitter_stays_within_the_upper_half() {
        for jitter in [0, 1, 12_345, u64::MAX] {
            let pause = backoff(3, jitter);
            assert!((Duration::from_secs(4)..=Duration::from_secs(8)).contains(&pause));
        }
    }
}
