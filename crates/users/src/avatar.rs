use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use kernel::{AvatarId, UserId};
use platform::storage::{MediaType, ObjectKey, PresignedUpload};
use sqlx::PgConnection;
use tracing::instrument;
use uuid::Uuid;

use crate::db::avatars::Status;
use crate::jobs::MakeThumbnails;
use crate::{Avatar, Users, db};

/// The largest picture that a person may upload: 5 MiB.
pub const MAX_AVATAR_BYTES: u64 = 5 * 1024 * 1024;

/// The edges of the squares that are made of a picture, in pixels.
pub(crate) const LARGE: u32 = 256;
pub(crate) const SMALL: u32 = 64;

const UPLOAD_WITHIN: Duration = Duration::from_mins(10);

/// Longer than anybody looks at one page.
const SHOWN_FOR: Duration = Duration::from_mins(15);

/// An upload that a browser may make.
#[derive(Clone, Debug)]
pub struct AvatarUpload {
    /// What [`Users::finish_avatar_upload`] is told when the file has arrived.
    pub id: Uuid,
    /// Where the file goes.
    pub upload: PresignedUpload,
}

/// Why a picture was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AvatarError {
    /// Neither PNG nor JPEG nor WebP.
    #[error("a picture must be a PNG, JPEG or WebP file")]
    UnsupportedType,
    /// More than [`MAX_AVATAR_BYTES`].
    #[error("the file is larger than 5 MB")]
    TooLarge,
    /// The person has no upload with this id, or its file has not arrived.
    #[error("the file was not uploaded")]
    NotUploaded,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Gives the person's browser an address to put one picture to, for ten minutes.
    #[instrument(name = "users.start_avatar_upload", skip_all)]
    pub async fn start_avatar_upload(
        &self,
        user_id: UserId,
        content_type: &str,
    ) -> Result<AvatarUpload, AvatarError> {
        let picture = content_type.parse().ok().filter(is_picture);
        let media_type = picture.ok_or(AvatarError::UnsupportedType)?;
        let id = self.expect_upload(user_id, media_type).await?;
        let key = upload_key(id)?;
        let upload = self
            .storage
            .presign_put(&key, media_type.as_str(), MAX_AVATAR_BYTES, UPLOAD_WITHIN)
            .await
            .context("sign upload")?;
        Ok(AvatarUpload { id, upload })
    }

    /// Takes note that the file has arrived, once: to say it again changes nothing. A job looks at the picture itself,
    /// see [`Users::make_thumbnails`].
    #[instrument(name = "users.finish_avatar_upload", skip_all)]
    pub async fn finish_avatar_upload(
        &self,
        user_id: UserId,
        avatar_id: Uuid,
    ) -> Result<(), AvatarError> {
        let mut connection = self.db.acquire().await?;
        let upload = db::avatars::find(&mut connection, user_id, avatar_id).await?;
        drop(connection);
        let upload = upload.ok_or(AvatarError::NotUploaded)?;
        if upload.status != Status::Pending {
            return Ok(());
        }
        let file = self.storage.head(&upload_key(avatar_id)?).await;
        let file = file.context("look at upload")?;
        let file = file.ok_or(AvatarError::NotUploaded)?;
        if file.size > MAX_AVATAR_BYTES {
            return Err(AvatarError::TooLarge);
        }
        if file.content_type != upload.content_type {
            return Err(AvatarError::UnsupportedType);
        }
        Ok(self.process_upload(user_id, avatar_id).await?)
    }

    /// Takes a picture that a form without JavaScript has sent.
    #[instrument(name = "users.upload_avatar", skip_all)]
    pub async fn upload_avatar(&self, user_id: UserId, file: Bytes) -> Result<(), AvatarError> {
        if file.len() as u64 > MAX_AVATAR_BYTES {
            return Err(AvatarError::TooLarge);
        }
        let picture = MediaType::sniff(&file).filter(is_picture);
        let media_type = picture.ok_or(AvatarError::UnsupportedType)?;
        // Before the file, so that the purge finds a file whose upload broke off.
        let id = self.expect_upload(user_id, media_type).await?;
        self.storage
            .put(&upload_key(id)?, media_type.as_str(), file)
            .await
            .context("store upload")?;
        Ok(self.process_upload(user_id, id).await?)
    }

    /// The person's picture as of their newest upload.
    pub(crate) async fn avatar_of(
        &self,
        connection: &mut PgConnection,
        user_id: UserId,
    ) -> anyhow::Result<Avatar> {
        let Some(newest) = db::avatars::newest(connection, user_id).await? else {
            return Ok(Avatar::None);
        };
        match newest.status {
            Status::Pending | Status::Processing => Ok(Avatar::Processing),
            Status::Rejected(refusal) => Ok(Avatar::Rejected(refusal)),
            Status::Ready => {
                // Signing is arithmetic: the connection waits for nobody.
                let sign = async |edge| {
                    let key = picture_key(newest.id, edge)?;
                    let url = self.storage.presign_get(&key, SHOWN_FOR, None).await;
                    url.context("sign address of picture")
                };
                Ok(Avatar::Ready {
                    large: sign(LARGE).await?,
                    small: sign(SMALL).await?,
                })
            }
        }
    }

    async fn expect_upload(&self, user_id: UserId, media_type: MediaType) -> anyhow::Result<Uuid> {
        let id = AvatarId::generate(&self.clock, &self.entropy).as_uuid();
        let (content_type, now) = (media_type.as_str(), self.clock.now());
        let mut connection = self.db.acquire().await?;
        db::avatars::insert(&mut connection, id, user_id, content_type, now).await?;
        Ok(id)
    }

    async fn process_upload(&self, user_id: UserId, avatar_id: Uuid) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        if db::avatars::begin_processing(&mut tx, user_id, avatar_id).await? {
            let job = MakeThumbnails { user_id, avatar_id };
            self.jobs.enqueue(&mut tx, &job).await?;
        }
        tx.commit().await.context("commit upload")
    }
}

/// Whether a picture of a person may be of this type.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that `Option::filter` takes"
)]
pub(crate) fn is_picture(media_type: &MediaType) -> bool {
    media_type.is_picture()
}

/// Where a file lies as it was uploaded.
pub(crate) fn upload_key(id: Uuid) -> anyhow::Result<ObjectKey> {
    ObjectKey::new(format!("uploads/{id}")).context("name upload")
}

/// Where the square with this edge lies.
pub(crate) fn picture_key(id: Uuid, edge: u32) -> anyhow::Result<ObjectKey> {
    ObjectKey::new(format!("avatars/{id}/{edge}.webp")).context("name picture")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::start;

    #[tokio::test]
    async fn an_upload_that_arrived_is_processed_once() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let upload = users.start_avatar_upload(ann, "image/png").await.unwrap();
        let early = users.finish_avatar_upload(ann, upload.id).await;
        assert!(matches!(early, Err(AvatarError::NotUploaded)), "{early:?}");

        let key = upload_key(upload.id).unwrap();
        assert!(upload.upload.url.path().ends_with(key.as_str()));
        let file = Bytes::from_static(b"a picture");
        platform.storage.put(&key, "image/png", file).await.unwrap();
        users.finish_avatar_upload(ann, upload.id).await.unwrap();
        users.finish_avatar_upload(ann, upload.id).await.unwrap();

        let job = MakeThumbnails {
            user_id: ann,
            avatar_id: upload.id,
        };
        assert_eq!(platform.jobs_of::<MakeThumbnails>().await, [job]);
        let mut connection = platform.db.acquire().await.unwrap();
        let avatar = users.avatar_of(&mut connection, ann).await.unwrap();
        assert_eq!(avatar, Avatar::Processing);
    }

    #[tokio::test]
    async fn the_upload_of_another_person_is_not_found() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let bob = users.a_customer("bob").await;
        let upload = users.start_avatar_upload(ann, "image/png").await.unwrap();
        let key = upload_key(upload.id).unwrap();
        let file = Bytes::from_static(b"a picture");
        platform.storage.put(&key, "image/png", file).await.unwrap();

        let finished = users.finish_avatar_upload(bob, upload.id).await;
        assert!(matches!(finished, Err(AvatarError::NotUploaded)));
        assert!(platform.jobs_of::<MakeThumbnails>().await.is_empty());
    }

    #[tokio::test]
    async fn a_file_too_large_or_of_another_type_is_not_accepted() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let svg = users.start_avatar_upload(ann, "image/svg+xml").await;
        assert!(matches!(svg, Err(AvatarError::UnsupportedType)));
        let text = users.upload_avatar(ann, Bytes::from_static(b"hello")).await;
        assert!(matches!(text, Err(AvatarError::UnsupportedType)));

        let large = Bytes::from(vec![0; usize::try_from(MAX_AVATAR_BYTES).unwrap() + 1]);
        let posted = users.upload_avatar(ann, large.clone()).await;
        assert!(matches!(posted, Err(AvatarError::TooLarge)));

        // A bucket does not hold the browser to the size.
        let upload = users.start_avatar_upload(ann, "image/png").await.unwrap();
        let key = upload_key(upload.id).unwrap();
        platform
            .storage
            .put(&key, "image/png", large)
            .await
            .unwrap();
        let finished = users.finish_avatar_upload(ann, upload.id).await;
        assert!(matches!(finished, Err(AvatarError::TooLarge)));
        assert!(platform.jobs_of::<MakeThumbnails>().await.is_empty());
    }
}
