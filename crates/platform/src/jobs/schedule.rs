use anyhow::Context as _;
use chrono::{DateTime, Utc};
use croner::Cron;
use serde_json::Value;

use super::{Job, Jobs, NewJob, Queue};
use crate::db::Db;

/// A job that is enqueued at set times.
///
/// Each tick has a unique key of its own, so any number of schedulers enqueue it once.
pub(super) struct Schedule {
    cron: Cron,
    kind: &'static str,
    version: i16,
    queue: Queue,
    max_attempts: i16,
    payload: Value,
}

impl Schedule {
    /// `job` at the times of `cron`, five fields in UTC.
    ///
    /// # Panics
    /// If `cron` is no cron expression: a mistake in the source, found by whoever starts the worker first.
    pub(super) fn new<J: Job>(cron: &str, job: &J) -> Self {
        Self {
            cron: cron.parse().expect("the cron expression is valid"),
            kind: J::KIND,
            version: J::VERSION,
            queue: J::QUEUE,
            max_attempts: J::MAX_ATTEMPTS,
            payload: serde_json::to_value(job).expect("a scheduled job is plain data"),
        }
    }

    /// The first tick after `time`.
    pub(super) fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_next_occurrence(&time, false).ok()
    }

    /// Enqueues the job for `tick`, unless some scheduler has.
    pub(super) async fn enqueue(
        &self,
        db: &Db,
        jobs: &Jobs,
        tick: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let mut tx = db.begin().await?;
        let job = NewJob {
            version: self.version,
            queue: self.queue,
            max_attempts: self.max_attempts,
            payload: self.payload.clone(),
            unique_key: Some(tick.to_rfc3339()),
            run_at: tick,
            priority: 0,
        };
        jobs.insert(&mut tx, self.kind, &job).await?;
        tx.commit().await.context("commit schedule")
    }
}
