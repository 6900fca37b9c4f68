use kernel::EmailAddress;
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;

use crate::endpoint::EndpointStatus;
use crate::jobs::TellOwner;
use crate::{Webhooks, db, emails};

/// Whom a letter is for. Accounts know it, and this module does not: it is handed in when the letter is written, so it goes
/// to the address that the person has then.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Their address.
    pub email: EmailAddress,
    /// What they are called.
    pub name: String,
}

impl Webhooks {
    /// Runs [`TellOwner`]. `owner` is `None` if nobody is to be written to.
    #[instrument(name = "job.webhooks.tell_owner", skip_all)]
    pub async fn tell_owner(self, run: JobRun, job: TellOwner, owner: Option<Owner>) -> JobResult {
        let mut connection = self.db.acquire().await?;
        let endpoint = db::endpoints::find_own(&mut connection, job.user_id, job.endpoint_id);
        let endpoint = endpoint.await?;
        drop(connection);
        // It may be removed or mended by now.
        let off = [EndpointStatus::Failing, EndpointStatus::Gone];
        let endpoint = endpoint.filter(|endpoint| off.contains(&endpoint.status));
        if let Some((endpoint, owner)) = endpoint.zip(owner) {
            let letter = emails::switched_off(&self.letterhead, &owner, &endpoint)?;
            self.mailer.send(&run, &letter).await?;
        }
        run.complete_alone().await
    }
}
