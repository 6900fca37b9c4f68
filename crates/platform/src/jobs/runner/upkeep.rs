use anyhow::Context as _;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Runner, count_dead};
use crate::jobs::{Jobs, Queue, db};

/// What there is to do.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Outlook {
    /// Queues in which a job waits to be run.
    pub(in crate::jobs) due: Vec<Queue>,
    /// When the next job is due that is not yet.
    pub(in crate::jobs) next: Option<DateTime<Utc>>,
}

/// What keeps jobs going beside their runs.
impl<A: Clone + Send + Sync + 'static> Runner<A> {
    /// Prolongs the leases of what this process holds.
    pub(in crate::jobs) async fn heartbeat(&self) -> anyhow::Result<()> {
        let tokens: Vec<Uuid> = self.held().values().map(|job| job.lease_token).collect();
        if tokens.is_empty() {
            return Ok(());
        }
        let mut connection = self.upkeep.acquire().await?;
        db::heartbeat(&mut connection, &tokens, self.timing.lease)
            .await
            .context("prolong leases")
    }

    /// Takes back what vanished workers held.
    pub(in crate::jobs) async fn rescue(&self) -> anyhow::Result<()> {
        let mut connection = self.upkeep.acquire().await?;
        let rescued = db::rescue(&mut connection, self.clock.now())
            .await
            .context("rescue jobs")?;
        for job in rescued {
            metrics::counter!("job_rescues_total", "kind" => job.kind.clone()).increment(1);
            if job.dead {
                count_dead(&job.kind);
                tracing::error!(kind = job.kind, id = %job.id, "a job's workers keep vanishing: it is dead");
            } else {
                tracing::warn!(kind = job.kind, id = %job.id, "a worker vanished: its job runs again");
                let now = self.clock.now();
                db::notify(&mut connection, &job.queue, now, now)
                    .await
                    .context("notify workers")?;
            }
        }
        Ok(())
    }

    /// Looks at all queues at once: publishes how full they are, and returns which have something due, and when the next
    /// thing will be.
    pub(in crate::jobs) async fn look(&self) -> anyhow::Result<Outlook> {
        let now = self.clock.now();
        let mut connection = self.upkeep.acquire().await?;
        let depths = db::depths(&mut connection, now)
            .await
            .context("look at queues")?;
        let mut outlook = Outlook::default();
        for queue in Queue::ALL {
            let depth = depths.iter().find(|depth| depth.queue == queue.as_str());
            let oldest = depth.and_then(|depth| depth.oldest_due);
            if oldest.is_some() {
                outlook.due.push(queue);
            }
            let age = oldest.map_or(0, |due| (now - due).num_seconds());
            let gauge = |name, value: i64| {
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
                metrics::gauge!(name, "queue" => queue.as_str()).set(value as f64);
            };
            gauge("job_queue_depth", depth.map_or(0, |depth| depth.waiting));
            gauge("job_queue_dead", depth.map_or(0, |depth| depth.dead));
            gauge("job_queue_oldest_seconds", age);
        }
        outlook.next = depths.iter().filter_map(|depth| depth.next_due).min();
        Ok(outlook)
    }

    /// Enqueues what the schedules have in `(after, until]`.
    pub(in crate::jobs) async fn enqueue_ticks(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let jobs = Jobs::new(self.clock.clone(), self.entropy.clone());
        for schedule in &self.registry.schedules {
            let ticks = std::iter::successors(schedule.next_after(after), |tick| {
                schedule.next_after(*tick)
            });
            for tick in ticks.take_while(|tick| *tick <= until) {
                schedule.enqueue(&self.db, &jobs, tick).await?;
            }
        }
        Ok(())
    }
}
