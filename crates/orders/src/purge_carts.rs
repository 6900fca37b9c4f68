use chrono::TimeDelta;
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;

use crate::jobs::PurgeCarts;
use crate::{Orders, db};

/// How long a browser may come back to its cart.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);

impl Orders {
    /// Deletes up to 1,000 carts that their browsers have abandoned.
    #[instrument(name = "job.orders.purge_carts", skip_all)]
    pub async fn purge_carts(self, run: JobRun, _: PurgeCarts) -> JobResult {
        let mut tx = run.begin().await?;
        db::carts::purge(&mut tx, self.clock.now() - KEPT_FOR).await?;
        run.complete(tx).await
    }
}
