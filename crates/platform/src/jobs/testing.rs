use anyhow::Context as _;

use super::{Enqueue, Job, JobRun, Timing, db};
use crate::Platform;

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
