use anyhow::Context as _;

use super::{Enqueue, Job, JobRun, NewJob, Queue, Timing, db};
use crate::Platform;
use crate::db::Tx;
use crate::testing::PublishedEvent;

/// Enqueues `job` and claims it, before all others of its queue.
pub(crate) async fn begin<J: Job>(platform: &Platform, job: &J) -> anyhow::Result<JobRun> {
    let first = Enqueue {
        priority: i16::MAX,
        ..Enqueue::default()
    };
    let mut tx = platform.db.begin().await?;
    platform.jobs.enqueue_with(&mut tx, job, first).await?;
    let claimed = db::claim(
        &mut tx,
        J::QUEUE,
        platform.clock.now(),
        Timing::default().lease,
        1,
    )
    .await
    .context("claim job")?;
    tx.commit().await.context("commit job")?;
    let claimed = claimed.first().context("a job to claim")?;
    Ok(JobRun::new(
        claimed,
        platform.db.clone(),
        platform.clock.clone(),
    ))
}

/// Enqueues a reaction without the key by which a second delivery is known.
pub(crate) async fn deliver(
    platform: &Platform,
    tx: &mut Tx,
    event: &PublishedEvent,
    reaction: &str,
) -> anyhow::Result<()> {
    let job = NewJob {
        kind: reaction,
        version: event.version,
        queue: Queue::Default,
        max_attempts: 1,
        payload: serde_json::to_value(&event.envelope).context("write reaction as JSON")?,
        unique_key: None,
        run_at: platform.clock.now(),
        priority: 0,
    };
    platform.jobs.insert(tx, job).await
}
