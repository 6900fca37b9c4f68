use anyhow::{Context as _, anyhow};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::pace::size_of_attempt;
use super::{Backfills, Batch, Declared, State, db};
use crate::jobs::{Job, JobError, JobResult, JobRun, NewJob, Queue, UNKNOWN_PAUSE};

/// Does the next batch of a backfill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunBatch {
    /// Which backfill.
    pub name: String,
}

impl Job for RunBatch {
    const KIND: &'static str = "platform.run_backfill";
    const QUEUE: Queue = Queue::Reports;
}

impl RunBatch {
    /// The row to enqueue: behind everything else that is due in its queue, because a backfill can always wait.
    pub(super) fn into_row(self, run_at: DateTime<Utc>) -> anyhow::Result<NewJob> {
        Ok(NewJob {
            version: Self::VERSION,
            queue: Self::QUEUE,
            max_attempts: Self::MAX_ATTEMPTS,
            payload: serde_json::to_value(self).context("write job as JSON")?,
            unique_key: None,
            run_at,
            priority: -1,
        })
    }
}

impl Backfills {
    /// Runs [`RunBatch`].
    pub async fn run_batch(&self, run: JobRun, job: RunBatch) -> JobResult {
        // Declared by a newer release, whose workers will be there soon.
        let unknown = JobError::Snooze(UNKNOWN_PAUSE);
        let declared = self.declared.get(job.name.as_str()).ok_or(unknown)?;
        let mut tx = run.begin().await?;
        let known = db::lock(&mut tx, &job.name)
            .await
            .context("lock backfill")?;
        let known = known.filter(|it| it.state == State::Running && it.job_id == run.id());
        let Some(known) = known else {
            // Paused since, or another job has taken its place.
            return run.complete(tx).await;
        };
        require_version(declared, known.version)?;

        let size = size_of_attempt(known.batch_size, run.attempt());
        let (after, since) = (known.last_key.clone(), Instant::now());
        let batch = (declared.work)(&mut tx, after, size.into())
            .await
            .with_context(|| format!("do a batch of {}", job.name))?;
        let took = since.elapsed();
        require_plausible(&batch, &known, size)?;

        let is_last = batch.looked_at < i64::from(size);
        let now = self.clock.now();
        let next = if is_last {
            None
        } else {
            let rest = TimeDelta::from_std(self.pace.rest_after(took)).context("rest")?;
            Some(self.enqueue(&mut tx, declared.name, now + rest).await?)
        };
        let step = db::Step {
            last_key: batch.last.as_ref().or(known.last_key.as_ref()),
            looked_at: batch.looked_at,
            changed: batch.changed,
            batch_size: self.pace.next_size(size, took),
            job_id: next.unwrap_or(known.job_id),
            finished_at: is_last.then_some(now),
        };
        db::advance(&mut tx, &job.name, &step)
            .await
            .context("note how far a backfill came")?;
        tracing::info!(
            backfill = job.name,
            looked_at = batch.looked_at,
            changed = batch.changed,
            is_last,
            "batch"
        );
        run.complete(tx).await
    }
}

/// During a release two versions of the code may be running, and their keys may be of different types.
fn require_version(declared: &Declared, started: i16) -> Result<(), JobError> {
    if started > declared.version {
        return Err(JobError::Snooze(UNKNOWN_PAUSE));
    }
    if started < declared.version {
        let (name, version) = (declared.name, declared.version);
        return Err(JobError::Fail(anyhow!(
            "it was begun in version {started}, and this is version {version}: run {name} from the start"
        )));
    }
    Ok(())
}

/// What no correct batch says. To go on would never end, or hold too many locks.
fn require_plausible(
    batch: &Batch<serde_json::Value>,
    known: &db::Known,
    size: i32,
) -> Result<(), JobError> {
    let Batch {
        looked_at, changed, ..
    } = *batch;
    let fault = if looked_at > i64::from(size) || changed > looked_at {
        format!("a batch of {size} rows has looked at {looked_at} and changed {changed}")
    } else if looked_at > 0 && (batch.last.is_none() || batch.last == known.last_key) {
        "a batch ended at the key where it had begun".to_owned()
    } else {
        return Ok(());
    };
    Err(JobError::Fail(anyhow!(fault)))
}
