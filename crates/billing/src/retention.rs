use anyhow::Context as _;
use chrono::TimeDelta;
use platform::jobs::{JobResult, JobRun};

use crate::jobs::DeleteOldWebhookEvents;
use crate::{Billing, db};

/// How long webhook bodies, which hold personal data, are kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// How many rows one transaction deletes: few enough not to be in anybody's way.
const BATCH: u64 = 1_000;

impl Billing {
    /// Handles [`DeleteOldWebhookEvents`].
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn delete_old_webhook_events(
        self,
        run: JobRun,
        _: DeleteOldWebhookEvents,
    ) -> JobResult {
        let before = self.clock.now() - KEPT;
        loop {
            let mut tx = run.begin().await?;
            let deleted = db::webhook_events::delete_before(&mut tx, before)
                .await
                .context("delete webhook events")?;
            if deleted < BATCH {
                return run.complete(tx).await;
            }
            tx.commit().await.context("commit deletion")?;
        }
    }
}
