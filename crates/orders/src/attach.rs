use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use kernel::{AttachmentId, UserId};
use platform::db::Tx;
use platform::jobs::Enqueue;
use platform::storage::{MediaType, PresignedUpload, StorageError};
use tracing::instrument;

use crate::attachment::{
    AttachRefusal, Attachment, FileName, MAX_ATTACHMENT_BYTES, Reader, Upload, file_key, upload_key,
};
use crate::db::attachments::Entry;
use crate::jobs::SweepAttachment;
use crate::order::{Order, OrderNumber};
use crate::{Orders, db};

/// How long the address of an upload is good for.
const UPLOAD_WITHIN: Duration = Duration::from_mins(10);

/// How long an upload may take to be finished: what is not attached by then is swept away.
const FINISH_WITHIN: Duration = Duration::from_hours(1);

/// An upload that a browser or a program may make.
#[derive(Clone, Debug)]
pub struct AttachmentUpload {
    /// What [`Orders::finish_attachment`] is told when the file has arrived.
    pub id: AttachmentId,
    /// Where the file goes.
    pub upload: PresignedUpload,
}

/// Why a file was not attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is no order of this number, or no upload of this id, or it is somebody else's.
    #[error("there is no such order or upload")]
    NotFound,
    /// The order takes no file now.
    #[error(transparent)]
    Refused(#[from] AttachRefusal),
    /// None of the types of [`MediaType`], going by what its uploader says or by its first bytes.
    #[error("a file must be JPEG, PNG, WebP or PDF")]
    UnsupportedType,
    /// It is of another type than its uploader said.
    #[error("the file is {actual}, and was sent as {stated}")]
    OtherType {
        /// What its uploader said.
        stated: MediaType,
        /// What its first bytes say.
        actual: MediaType,
    },
    /// More than [`MAX_ATTACHMENT_BYTES`].
    #[error("the file is larger than 10 MiB")]
    TooLarge,
    /// Its file has not arrived.
    #[error("the file was not uploaded")]
    NotUploaded,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Gives the customer an address to put one file to, for ten minutes.
    #[instrument(name = "orders.start_attachment", skip_all)]
    pub async fn start_attachment(
        &self,
        user_id: UserId,
        number: OrderNumber,
        name: &str,
        content_type: &str,
    ) -> Result<AttachmentUpload, AttachError> {
        let order = self.admit_attachment(user_id, number).await?;
        let media_type = content_type
            .parse()
            .map_err(|_| AttachError::UnsupportedType)?;
        let upload = self.expect_upload(&order, name, media_type).await?;
        let id = upload.id;
        let key = upload_key(id)?;
        let upload = self.storage.presign_put(
            &key,
            media_type.as_str(),
            MAX_ATTACHMENT_BYTES,
            UPLOAD_WITHIN,
        );
        let upload = upload.await.context("sign upload")?;
        Ok(AttachmentUpload { id, upload })
    }

    /// Attaches the file that has arrived, if it is what its uploader said. To say it again changes nothing; after a
    /// refusal the upload is gone.
    #[instrument(name = "orders.finish_attachment", skip_all)]
    pub async fn finish_attachment(
        &self,
        user_id: UserId,
        number: OrderNumber,
        id: AttachmentId,
    ) -> Result<Attachment, AttachError> {
        let mut connection = self.db.acquire().await?;
        let customer = Reader::Customer(user_id);
        let found = db::attachments::find(&mut connection, customer, number, id).await?;
        drop(connection);
        let upload = match found.ok_or(AttachError::NotFound)? {
            Entry::Attached(attachment) => return Ok(attachment),
            Entry::Awaited(upload) => upload,
        };
        let attached = match self.fetch_upload(&upload).await {
            // The very bytes that were looked at are stored: until its address expires, the upload can be replaced.
            Ok(file) => self.store(user_id, number, &upload, file).await,
            Err(refused) => Err(refused),
        };
        if let Err(refused) = &attached
            && !matches!(
                refused,
                AttachError::NotUploaded | AttachError::Unexpected(_)
            )
        {
            self.discard(&upload).await?;
        }
        attached
    }

    /// Attaches a file that a form without JavaScript has sent.
    #[instrument(name = "orders.attach", skip_all)]
    pub async fn attach(
        &self,
        user_id: UserId,
        number: OrderNumber,
        name: &str,
        file: Bytes,
    ) -> Result<Attachment, AttachError> {
        let order = self.admit_attachment(user_id, number).await?;
        if file.len() as u64 > MAX_ATTACHMENT_BYTES {
            return Err(AttachError::TooLarge);
        }
        let media_type = MediaType::sniff(&file).ok_or(AttachError::UnsupportedType)?;
        // Before the file, so that one whose upload broke off is swept away.
        let upload = self.expect_upload(&order, name, media_type).await?;
        let attached = self.store(user_id, number, &upload, file).await;
        if matches!(attached, Err(AttachError::Refused(_))) {
            self.discard(&upload).await?;
        }
        attached
    }

    /// The order, if it takes another file. It is asked early to spare people an upload in vain, and once more when the
    /// file is there.
    async fn admit_attachment(
        &self,
        user_id: UserId,
        number: OrderNumber,
    ) -> Result<Order, AttachError> {
        let mut connection = self.db.acquire().await?;
        let order = db::orders::find_own(&mut connection, user_id, number).await?;
        let order = order.ok_or(AttachError::NotFound)?;
        let attached = db::attachments::count(&mut connection, order.id).await?;
        order.status.admit_attachment(attached)?;
        Ok(order)
    }

    /// Notes that a file is about to come, together with the job that sweeps up after it, whatever becomes of it.
    async fn expect_upload(
        &self,
        order: &Order,
        name: &str,
        media_type: MediaType,
    ) -> anyhow::Result<Upload> {
        let upload = Upload {
            id: AttachmentId::generate(&self.clock, &self.entropy),
            name: FileName::clean(name, media_type),
            media_type,
            created_at: self.clock.now(),
        };
        let sweep = SweepAttachment {
            attachment_id: upload.id,
        };
        let later = Enqueue {
            run_at: Some(upload.created_at + FINISH_WITHIN),
            ..Enqueue::default()
        };
        let mut tx = self.db.begin().await?;
        db::attachments::insert(&mut tx, order.id, &upload).await?;
        self.jobs.enqueue_with(&mut tx, &sweep, later).await?;
        tx.commit().await.context("commit upload")?;
        Ok(upload)
    }

    /// The file as it was uploaded. A bucket holds its uploader neither to the size nor to what they say it is.
    async fn fetch_upload(&self, upload: &Upload) -> Result<Bytes, AttachError> {
        let key = upload_key(upload.id)?;
        let file = match self.storage.get(&key, MAX_ATTACHMENT_BYTES).await {
            Ok(file) => file.ok_or(AttachError::NotUploaded)?.bytes,
            Err(StorageError::TooLarge { .. }) => return Err(AttachError::TooLarge),
            Err(error) => return Err(anyhow::Error::new(error).context("fetch upload").into()),
        };
        match MediaType::sniff(&file) {
            None => Err(AttachError::UnsupportedType),
            Some(actual) if actual != upload.media_type => Err(AttachError::OtherType {
                stated: upload.media_type,
                actual,
            }),
            Some(_) => Ok(file),
        }
    }

    /// Stores a file that was looked at, and attaches it under the order's lock: of two that come at once for the last
    /// place, one is refused.
    async fn store(
        &self,
        user_id: UserId,
        number: OrderNumber,
        upload: &Upload,
        file: Bytes,
    ) -> Result<Attachment, AttachError> {
        let attachment = upload.clone().attached(file.len() as u64, self.clock.now());
        let key = file_key(upload.id)?;
        let content_type = upload.media_type.as_str();
        let stored = self.storage.put(&key, content_type, file);
        stored.await.context("store attachment")?;

        let mut tx = self.db.begin().await?;
        let order = db::orders::lock_own(&mut tx, user_id, number).await?;
        let order = order.ok_or(AttachError::NotFound)?;
        let customer = Reader::Customer(user_id);
        match db::attachments::find(&mut tx, customer, number, upload.id).await? {
            Some(Entry::Awaited(_)) => {}
            // The same was said twice at once, and the other was faster.
            Some(Entry::Attached(attachment)) => return Ok(attachment),
            // Removed or swept away meanwhile, and perhaps before this file was stored.
            None => {
                self.sweep(&mut tx, upload.id).await?;
                tx.commit().await.context("commit sweep")?;
                return Err(AttachError::NotFound);
            }
        }
        let attached = db::attachments::count(&mut tx, order.id).await?;
        order.status.admit_attachment(attached)?;
        db::attachments::attach(&mut tx, &attachment).await?;
        tx.commit().await.context("commit attachment")?;
        Ok(attachment)
    }

    /// Forgets an upload that was refused, and what was stored of it.
    async fn discard(&self, upload: &Upload) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        if db::attachments::delete_upload(&mut tx, upload.id).await? {
            self.sweep(&mut tx, upload.id).await?;
        }
        tx.commit().await.context("commit refusal")
    }

    /// Deletes the files of an attachment that has no row any more.
    pub(crate) async fn sweep(&self, tx: &mut Tx, id: AttachmentId) -> anyhow::Result<()> {
        let sweep = SweepAttachment { attachment_id: id };
        self.jobs.enqueue(tx, &sweep).await
    }
}

#[cfg(test)]
mod tests;
