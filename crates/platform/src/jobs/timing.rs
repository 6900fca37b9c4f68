use std::time::Duration;

/// How often a worker does what keeps jobs going, and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a claim lasts unless it is prolonged.
    pub lease: Duration,
    /// How often running jobs prolong their leases: often enough that two may fail.
    pub heartbeat: Duration,
    /// How often jobs of vanished workers are looked for.
    pub rescue: Duration,
    /// How often the queues are looked at when nobody calls: the bound on a notification that was lost.
    pub look: Duration,
    /// How often schedules are looked at.
    pub schedule: Duration,
    /// How long a shutdown waits for running jobs before it hands them back.
    pub drain: Duration,
    /// How long the database may take over one step of what keeps jobs going. A connection whose other end is silent must
    /// cost one step, not the worker.
    pub patience: Duration,
    /// How long a run may take. It bounds nothing but a run that hangs, which would keep its place for ever.
    pub longest_run: Duration,
}

impl Default for Timing {
    /// Requirements E2 and E3.
    fn default() -> Self {
        Self::with_lease(Duration::from_secs(30))
    }
}

impl Timing {
    /// As usual, with a lease of another length and what goes with it.
    #[must_use]
    pub fn with_lease(lease: Duration) -> Self {
        Self {
            lease,
            heartbeat: lease / 3,
            rescue: lease / 6,
            look: Duration::from_secs(5),
            schedule: Duration::from_secs(1),
            drain: Duration::from_secs(25),
            patience: Duration::from_secs(5),
            longest_run: Duration::from_mins(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vanished_workers_jobs_are_rescued_within_forty_seconds_and_a_slow_ones_are_not() {
        let timing = Timing::default();
        assert!(timing.lease + timing.rescue <= Duration::from_secs(40));
        assert!(timing.heartbeat * 3 <= timing.lease);
        assert_eq!(timing.heartbeat, Duration::from_secs(10));
        assert!(timing.heartbeat + timing.patience < timing.lease);
        assert_eq!(timing.drain, Duration::from_secs(25));
    }
}
