use std::time::Duration;

use anyhow::{Context as _, anyhow};
use kernel::{Clock, JobId};
use uuid::Uuid;

use super::db::{self, Claimed};
use crate::db::{Db, Tx};

/// One run of a job, under a lease. It is consumed by completing it.
#[derive(Debug)]
pub struct JobRun {
    id: JobId,
    attempt: i16,
    lease_token: Uuid,
    db: Db,
    clock: Clock,
}

/// Proof that a run was completed under its lease. Only [`JobRun::complete`] and [`JobRun::complete_alone`] make one.
#[derive(Debug)]
pub struct Done(());

/// How a handler ends.
pub type JobResult = Result<Done, JobError>;

/// What becomes of a job that was not completed. A handler decides it; `?` on an [`anyhow::Error`] decides to retry.
#[derive(Debug)]
pub enum JobError {
    /// Try again later, with growing pauses, until the attempts are used up.
    Retry(anyhow::Error),
    /// Not now: try again after this pause, without counting the attempt.
    Snooze(Duration),
    /// Never: no repetition can help.
    Fail(anyhow::Error),
}

impl JobError {
    /// A failure that no repetition can help.
    pub fn fail(error: impl Into<anyhow::Error>) -> Self {
        Self::Fail(error.into())
    }
}

impl From<anyhow::Error> for JobError {
    fn from(error: anyhow::Error) -> Self {
        Self::Retry(error)
    }
}

impl JobRun {
    pub(super) fn new(claimed: &Claimed, db: Db, clock: Clock) -> Self {
        Self {
            id: claimed.id,
            attempt: claimed.attempt,
            lease_token: claimed.lease_token,
            db,
            clock,
        }
    }

    /// The job: the same in every run of it, so it serves as an idempotency key towards others.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Which run this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> i16 {
        self.attempt
    }

    /// Begins the transaction that [`JobRun::complete`] will commit.
    ///
    /// # Errors
    /// If the database cannot be reached; the run is then retried.
    pub async fn begin(&self) -> Result<Tx, JobError> {
        Ok(self.db.begin().await?)
    }

    /// Commits `tx` and marks the job done in it, provided the lease is still this run's. If the worker was frozen past
    /// its lease, somebody else has the job now: `tx` is rolled back, so the effects happen once.
    ///
    /// # Errors
    /// If the lease is lost or the database cannot be reached: nothing of `tx` is kept.
    pub async fn complete(self, mut tx: Tx) -> JobResult {
        let completed = db::complete(&mut tx, self.id, self.lease_token, self.clock.now())
            .await
            .context("complete job")?;
        if !completed {
            return Err(JobError::Retry(anyhow!(
                "the lease was lost before the run ended"
            )));
        }
        tx.commit().await.context("commit job")?;
        Ok(Done(()))
    }

    /// Marks a job done that wrote nothing to the database.
    ///
    /// # Errors
    /// If the lease is lost or the database cannot be reached; the job then runs again.
    pub async fn complete_alone(self) -> JobResult {
        let tx = self.begin().await?;
        self.complete(tx).await
    }
}
