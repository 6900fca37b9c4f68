use std::io::Cursor;

use anyhow::Context as _;
use bytes::Bytes;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits};
use kernel::UserId;
use platform::jobs::{JobResult, JobRun};
use platform::storage::{MediaType, StorageError};
use tracing::instrument;
use uuid::Uuid;

use crate::avatar::{LARGE, MAX_AVATAR_BYTES, SMALL, is_picture, picture_key, upload_key};
use crate::db::avatars::{Status, Upload};
use crate::jobs::MakeThumbnails;
use crate::{Users, db};

/// What phones take, and no more: a file of a few kilobytes can claim billions.
const MAX_PIXELS: u64 = 40_000_000;

/// The pixels at four bytes each. Beyond it a decoder gives up.
const MAX_DECODED_BYTES: u64 = 4 * MAX_PIXELS;

const REPLACED: &str = "A newer picture has taken its place.";

/// Why an upload does not become a picture, in words for its owner.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("The file is no longer there. Please upload it again.")]
    Missing,
    #[error("The file is larger than 5 MB.")]
    TooLarge,
    #[error("The file is not a PNG, JPEG or WebP picture.")]
    NotAPicture,
    #[error("The file was sent as {stated}, but it is {actual}.")]
    OtherType {
        stated: String,
        actual: &'static str,
    },
    #[error("The picture has more than 40 million pixels, or takes too much memory.")]
    TooManyPixels,
    #[error("The picture is damaged and cannot be read.")]
    Damaged,
}

/// The squares that pages show, encoded.
struct Squares {
    large: Bytes,
    small: Bytes,
}

impl Users {
    /// Makes the squares that pages show, or refuses the upload. Either way the file as it was uploaded is deleted: with
    /// it go the place and the time that cameras write into their pictures.
    ///
    /// The decision commits before anything is deleted, and the run ends after it, so a run that breaks off in between
    /// is repeated and deletes what the first left.
    #[instrument(name = "job.users.make_thumbnails", skip_all)]
    pub async fn make_thumbnails(self, run: JobRun, job: MakeThumbnails) -> JobResult {
        let MakeThumbnails { user_id, avatar_id } = job;
        let mut connection = self.db.acquire().await?;
        let upload = db::avatars::find(&mut connection, user_id, avatar_id).await?;
        drop(connection);
        if let Some(upload) = upload.filter(|upload| upload.status == Status::Processing) {
            self.decide(user_id, &upload).await?;
        }
        self.delete_file(avatar_id).await?;

        let mut connection = self.db.acquire().await?;
        let outdated = db::avatars::outdated(&mut connection, user_id).await?;
        drop(connection);
        for id in &outdated {
            self.delete_avatar_files(*id).await?;
        }
        let mut tx = run.begin().await?;
        db::avatars::delete(&mut tx, &outdated).await?;
        run.complete(tx).await
    }

    async fn decide(&self, user_id: UserId, upload: &Upload) -> anyhow::Result<()> {
        let squares = self.squares_of(upload).await?;
        if let Ok(squares) = &squares {
            for (edge, file) in [(LARGE, &squares.large), (SMALL, &squares.small)] {
                let key = picture_key(upload.id, edge)?;
                let content_type = ImageFormat::WebP.to_mime_type();
                let stored = self.storage.put(&key, content_type, file.clone()).await;
                stored.context("store picture")?;
            }
        }
        let mut tx = self.db.begin().await?;
        match squares {
            Ok(_) => {
                if !db::avatars::make_current(&mut tx, user_id, upload.id, REPLACED).await? {
                    db::avatars::reject(&mut tx, user_id, upload.id, REPLACED).await?;
                }
            }
            Err(refusal) => {
                let words = refusal.to_string();
                db::avatars::reject(&mut tx, user_id, upload.id, &words).await?;
            }
        }
        tx.commit().await.context("commit picture")
    }

    async fn squares_of(&self, upload: &Upload) -> anyhow::Result<Result<Squares, Refusal>> {
        let file = match self
            .storage
            .get(&upload_key(upload.id)?, MAX_AVATAR_BYTES)
            .await
        {
            Ok(Some(file)) => file.bytes,
            Ok(None) => return Ok(Err(Refusal::Missing)),
            Err(StorageError::TooLarge { .. }) => return Ok(Err(Refusal::TooLarge)),
            Err(error) => return Err(error).context("fetch upload"),
        };
        let stated = upload.content_type.clone();
        let made = tokio::task::spawn_blocking(move || squares(&file, &stated)).await;
        // A file that makes the decoder panic does so each time; the upload must not wait for ever.
        made.unwrap_or_else(|panic| {
            tracing::warn!(%panic, "a picture broke its decoder");
            Ok(Err(Refusal::Damaged))
        })
    }

    /// Deletes every file of an upload.
    pub(crate) async fn delete_avatar_files(&self, id: Uuid) -> anyhow::Result<()> {
        self.delete_file(id).await?;
        for edge in [LARGE, SMALL] {
            let deleted = self.storage.delete(&picture_key(id, edge)?).await;
            deleted.context("delete picture")?;
        }
        Ok(())
    }

    async fn delete_file(&self, id: Uuid) -> anyhow::Result<()> {
        let deleted = self.storage.delete(&upload_key(id)?).await;
        deleted.context("delete upload")
    }
}

/// The two squares of a file that its uploader says is `stated`. The outer error is ours, the inner one the file's.
fn squares(file: &[u8], stated: &str) -> anyhow::Result<Result<Squares, Refusal>> {
    let picture = match read(file, stated) {
        Ok(picture) => picture,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(Ok(Squares {
        small: encode(&picture.resize_exact(SMALL, SMALL, FilterType::CatmullRom))?,
        large: encode(&picture)?,
    }))
}

/// The large square: the middle of the picture, upright.
fn read(file: &[u8], stated: &str) -> Result<DynamicImage, Refusal> {
    let sniffed = MediaType::sniff(file).filter(is_picture);
    let actual = sniffed.ok_or(Refusal::NotAPicture)?.as_str();
    if actual != stated {
        return Err(Refusal::OtherType {
            stated: stated.to_owned(),
            actual,
        });
    }
    let format = ImageFormat::from_mime_type(actual).ok_or(Refusal::NotAPicture)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    // This reads the header alone; the pixels come last.
    let mut decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(Refusal::TooManyPixels);
    }
    let orientation = decoder.orientation().map_err(refusal)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    // Cropped before it is scaled: a strip one pixel high would first grow to thousands of millions of pixels.
    let edge = width.min(height);
    let middle = picture.crop_imm((width - edge) / 2, (height - edge) / 2, edge, edge);
    let mut square = middle.resize_exact(LARGE, LARGE, FilterType::CatmullRom);
    square.apply_orientation(orientation);
    Ok(square)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` takes"
)]
fn refusal(error: ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => Refusal::TooManyPixels,
        _ => Refusal::Damaged,
    }
}

/// WebP without loss keeps transparency, and of what the file said beside its pixels nothing.
fn encode(picture: &DynamicImage) -> anyhow::Result<Bytes> {
    let mut file = Cursor::new(Vec::new());
    let pixels = DynamicImage::from(picture.to_rgba8());
    let encoded = pixels.write_to(&mut file, ImageFormat::WebP);
    encoded.context("encode picture")?;
    Ok(file.into_inner().into())
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
