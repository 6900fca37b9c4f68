use anyhow::Context as _;
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;

use crate::attachment::{file_key, upload_key};
use crate::jobs::SweepAttachment;
use crate::{Orders, db};

impl Orders {
    /// Forgets the upload if it is not finished by now, and deletes what storage holds beyond an attached file.
    ///
    /// The row goes first: whoever finishes the upload at the same time then finds none and sweeps up once more.
    #[instrument(name = "job.orders.sweep_attachment", skip_all)]
    pub async fn sweep_attachment(self, run: JobRun, job: SweepAttachment) -> JobResult {
        let id = job.attachment_id;
        let mut tx = self.db.begin().await?;
        db::attachments::delete_upload(&mut tx, id).await?;
        let is_attached = db::attachments::exists(&mut tx, id).await?;
        tx.commit().await.context("commit sweep")?;

        let deleted = self.storage.delete(&upload_key(id)?).await;
        deleted.context("delete upload")?;
        if !is_attached {
            let deleted = self.storage.delete(&file_key(id)?).await;
            deleted.context("delete attachment")?;
        }
        run.complete_alone().await
    }
}
