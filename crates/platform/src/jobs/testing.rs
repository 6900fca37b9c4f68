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

/// The run of a job that no database knows, for what asks for one and does nothing with it.
#[cfg(test)]
pub(crate) fn a_run() -> JobRun {
    let settings = crate::db::DbSettings {
        url: "postgres://nobody@127.0.0.1:1/nothing".into(),
        pool_size: 1,
        acquire_timeout: std::time::Duration::from_secs(1),
    };
    let claimed = db::Claimed {
        id: kernel::JobId::from_uuid(uuid::Uuid::nil()),
        kind: "test.nothing".to_owned(),
        version: 1,
        queue: Queue::Mail.as_str().to_owned(),
        payload: serde_json::Value::Null,
        attempt: 1,
        max_attempts: 1,
        correlation_id: None,
        lease_token: uuid::Uuid::nil(),
        enqueued_at: crate::testing::start_of_time(),
    };
    let clock = kernel::Clock::fixed(crate::testing::start_of_time());
    let db = crate::db::Db::new(&settings).expect("an address");
    JobRun::new(&claimed, db, clock)
}

/// Enqueues a reaction without the key by which a second delivery is known.
pub(crate) async fn deliver(
    platform: &Platform,
    tx: &mut Tx,
    event: &PublishedEvent,
    reaction: &str,
) -> anyhow::Result<()> {
    let job = NewJob {
        version: event.version,
        queue: Queue::Default,
        max_attempts: 1,
        payload: serde_json::to_value(&event.envelope).context("write reaction as JSON")?,
        unique_key: None,
        run_at: platform.clock.now(),
        priority: 0,
    };
    platform.jobs.insert(tx, reaction, &job).await?;
    Ok(())
}
