use anyhow::Context as _;
use chrono::TimeDelta;
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;

use crate::jobs::PurgeDeliveries;
use crate::{Webhooks, db};

/// How long payloads, which hold personal data, are kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// How many rows one transaction deletes: few enough not to be in anybody's way.
const BATCH: u64 = 1_000;

impl Webhooks {
    /// Runs [`PurgeDeliveries`].
    #[instrument(name = "job.webhooks.purge_deliveries", skip_all)]
    pub async fn purge_deliveries(self, run: JobRun, _: PurgeDeliveries) -> JobResult {
        let before = self.clock.now() - KEPT;
        loop {
            let mut tx = run.begin().await?;
            if db::deliveries::delete_before(&mut tx, before).await? < BATCH {
                return run.complete(tx).await;
            }
            tx.commit().await.context("commit deletion")?;
        }
    }
}
