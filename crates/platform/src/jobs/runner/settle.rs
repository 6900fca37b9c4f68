use std::time::Duration;

use anyhow::Context as _;

use super::Runner;
use crate::jobs::JobError;
use crate::jobs::backoff::backoff;
use crate::jobs::db::{self, Claimed};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Completed under its lease.
    Done,
    /// Will be tried again after a pause.
    Retried,
    /// Handed back without counting the attempt.
    Snoozed,
    /// Given up: a person has to look at it.
    Dead,
}

impl Outcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Snoozed => "snoozed",
            Self::Dead => "dead",
        }
    }
}

impl<A: Clone + Send + Sync + 'static> Runner<A> {
    /// Records how a run ended. If that fails, the lease runs out and the job is rescued: at least once, never lost.
    pub(super) async fn settle(
        &self,
        claimed: &Claimed,
        result: Result<(), JobError>,
    ) -> (Outcome, Option<String>) {
        let (outcome, error) = match result {
            Ok(()) => return (Outcome::Done, None),
            Err(JobError::Snooze(pause)) => {
                log_unrecorded(self.promptly(self.hand_back(claimed, pause)).await);
                return (Outcome::Snoozed, None);
            }
            Err(JobError::Retry(error)) if claimed.attempt < claimed.max_attempts => {
                (Outcome::Retried, error)
            }
            Err(JobError::Retry(error) | JobError::Fail(error)) => (Outcome::Dead, error),
        };
        let text = format!("{error:#}");
        log_unrecorded(
            self.promptly(self.record_failure(claimed, outcome, &text))
                .await,
        );
        (outcome, Some(text))
    }

    async fn record_failure(
        &self,
        claimed: &Claimed,
        outcome: Outcome,
        error: &str,
    ) -> anyhow::Result<()> {
        let mut connection = self.upkeep.acquire().await?;
        let (id, token, now) = (claimed.id, claimed.lease_token, self.clock.now());
        if outcome == Outcome::Dead {
            return db::bury(&mut connection, id, token, now, error)
                .await
                .context("bury job");
        }
        let jitter = u64::from_le_bytes(self.entropy.bytes());
        let run_at = now + backoff(claimed.attempt, jitter);
        db::retry(&mut connection, id, token, run_at, error)
            .await
            .context("put job back")?;
        db::notify(&mut connection, &claimed.queue, run_at, now)
            .await
            .context("notify workers")
    }

    async fn hand_back(&self, claimed: &Claimed, pause: Duration) -> anyhow::Result<()> {
        let now = self.clock.now();
        let run_at = now + pause;
        let mut connection = self.upkeep.acquire().await?;
        db::hand_back(&mut connection, claimed.id, claimed.lease_token, run_at)
            .await
            .context("hand job back")?;
        db::notify(&mut connection, &claimed.queue, run_at, now)
            .await
            .context("notify workers")
    }

    /// Hands back everything that this process still holds, without counting the attempts: the end of a shutdown.
    pub(in crate::jobs) async fn release_held(&self) -> anyhow::Result<()> {
        let held = std::mem::take(&mut *self.held());
        for claimed in held.into_values() {
            self.promptly(self.hand_back(&claimed, Duration::ZERO))
                .await?;
        }
        Ok(())
    }
}

fn log_unrecorded(result: anyhow::Result<()>) {
    if let Err(error) = result {
        let error = format!("{error:#}");
        tracing::error!(
            error,
            "a run's end could not be recorded: the job runs again when its lease ends"
        );
    }
}
