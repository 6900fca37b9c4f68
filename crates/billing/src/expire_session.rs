use platform::jobs::{JobResult, JobRun};

use crate::Billing;
use crate::jobs::ExpireSession;

impl Billing {
    /// Handles [`ExpireSession`]. A session that is over cannot be closed, and it may have been paid in its last moment:
    /// so whatever the provider answers, what counts is how the session stands then.
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn expire_session(self, run: JobRun, job: ExpireSession) -> JobResult {
        match self.provider.expire_session(&job.session_id).await {
            Ok(()) => {}
            Err(error) if error.is_final() => {
                tracing::info!(%error, job.session_id, "the session was over already");
            }
            Err(error) => return Err(error.into()),
        }
        let standing = self.provider.session_standing(&job.session_id).await?;
        let mut tx = run.begin().await?;
        self.settle_in_tx(&mut tx, standing).await?;
        run.complete(tx).await
    }
}
