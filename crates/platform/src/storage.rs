//! Object storage: files by key, in an S3 bucket, in a local folder, or in memory.
//!
//! People's uploads never pass through the application's own requests: a browser gets an address that it may put one file
//! to ([`Storage::presign_put`]) and later one that it may read it from ([`Storage::presign_get`]).

mod backend;
mod key;
mod media_type;
mod s3;
#[cfg(test)]
mod s3_tests;
mod signed_url;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{HeaderValue, Method};
use kernel::Clock;
use secrecy::SecretString;
use url::Url;

use self::backend::Backend;
pub use self::key::{InvalidObjectKey, ObjectKey};
pub use self::media_type::{MediaType, UnknownMediaType};
pub use self::signed_url::{InvalidSignedUrl, SignedRequest};
use crate::outbound::Outbound;

/// How long one call may take, for the largest file too.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The largest file that can be read back.
pub const MAX_SIZE: usize = 32 * 1024 * 1024;

/// Where the files are.
#[derive(Clone, Debug)]
pub struct StorageSettings {
    /// `s3://bucket?region=…&endpoint=…`, `file:///folder`, or `memory:`. `endpoint` is for other providers than Amazon.
    pub url: Url,
    /// For S3.
    pub access_key_id: Option<String>,
    /// For S3.
    pub secret_access_key: Option<SecretString>,
    /// The application's own address, at which it serves `/files/…` for a folder and for memory.
    pub public_url: Url,
    /// Signs those addresses. At least 32 bytes.
    pub signing_key: SecretString,
}

/// The files; cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage(Arc<Backend>);

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// The file.
    pub bytes: Bytes,
    /// What whoever stored it said it is.
    pub content_type: String,
}

/// What is known of a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// In bytes.
    pub size: u64,
    /// What whoever stored it said it is.
    pub content_type: String,
}

/// What a browser needs to upload one file.
#[derive(Clone, Debug)]
pub struct PresignedUpload {
    /// Where to `PUT` the file to.
    pub url: Url,
    /// Headers to send with it, exactly so: they are part of the signature.
    pub headers: Vec<(String, String)>,
}

/// Storage did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file is larger than the caller wants to read.
    #[error("the file is larger than {max} bytes")]
    TooLarge {
        /// What the caller wants to read.
        max: u64,
    },
    /// The deadline passed.
    #[error("storage did not answer in time")]
    Deadline,
    /// Storage refused, or cannot be reached.
    #[error("storage failed")]
    Failed(#[source] object_store::Error),
}

impl StorageError {
    /// Whether trying again later helps.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::TooLarge { .. } => false,
            Self::Deadline => true,
            Self::Failed(error) => s3::is_away(error),
        }
    }
}

impl Storage {
    /// Prepares access. Nothing is connected yet; a folder is made if it is missing.
    ///
    /// # Errors
    /// If the settings do not say where the files are.
    pub fn connect(
        settings: &StorageSettings,
        outbound: &Outbound,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let signer = || signed_url::Signer::new(settings, clock);
        let backend = match settings.url.scheme() {
            "s3" => Backend::S3(s3::connect(settings, outbound)?),
            "file" => {
                let Ok(folder) = settings.url.to_file_path() else {
                    bail!("the storage URL names no folder: write file:///the/whole/path");
                };
                Backend::local(&folder, signer()).context("open the storage folder")?
            }
            "memory" => Backend::memory(signer()),
            other => bail!("the storage URL begins with {other}:, not with s3:, file: or memory:"),
        };
        Ok(Self(Arc::new(backend)))
    }

    /// Stores a file, in place of one that was there.
    pub async fn put(
        &self,
        key: &ObjectKey,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<(), StorageError> {
        within_deadline(self.0.put(key, content_type, bytes)).await
    }

    /// Reads a file of at most `max_bytes`; `None` if there is none.
    pub async fn get(
        &self,
        key: &ObjectKey,
        max_bytes: u64,
    ) -> Result<Option<StoredObject>, StorageError> {
        within_deadline(async {
            // Asked first, because a file that someone else uploaded may be of any size.
            let Some(meta) = self.0.head(key).await? else {
                return Ok(None);
            };
            if meta.size > max_bytes {
                return Err(StorageError::TooLarge { max: max_bytes });
            }
            self.0.get(key).await
        })
        .await
    }

    /// What is known of a file; `None` if there is none.
    pub async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StorageError> {
        within_deadline(self.0.head(key)).await
    }

    /// Deletes a file. That there is none is no error.
    pub async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        within_deadline(self.0.delete(key)).await
    }

    /// The keys under a folder (`avatars`), or all of them (empty), in order.
    pub async fn list(&self, folder: &str) -> Result<Vec<ObjectKey>, StorageError> {
        within_deadline(self.0.list(folder)).await
    }

    /// An address that one file of `content_type` may be put to for as long as `expires` says.
    ///
    /// Whoever accepts the upload afterwards must look again at its size, its type and its bytes:
    /// - a bucket holds the uploader to the content type, but not to `max_bytes`, and believes what it is told;
    /// - until the address expires, the file can be replaced, so it is to be copied to a key of its own.
    pub async fn presign_put(
        &self,
        key: &ObjectKey,
        content_type: &str,
        max_bytes: u64,
        expires: Duration,
    ) -> Result<PresignedUpload, StorageError> {
        let content_type = HeaderValue::from_str(content_type).map_err(backend::invalid)?;
        let url = match &*self.0 {
            Backend::S3(s3) => s3::presign_put(s3, key, &content_type, expires).await?,
            Backend::Local { signer, .. } | Backend::Memory { signer, .. } => {
                signer.put(key, &content_type, max_bytes, expires)
            }
        };
        let content_type = String::from_utf8_lossy(content_type.as_bytes()).into_owned();
        Ok(PresignedUpload {
            url,
            headers: vec![("content-type".into(), content_type)],
        })
    }

    /// An address that a file may be read from for as long as `expires` says. With `download_name` a browser saves it under
    /// that name instead of showing it.
    pub async fn presign_get(
        &self,
        key: &ObjectKey,
        expires: Duration,
        download_name: Option<&str>,
    ) -> Result<Url, StorageError> {
        let disposition = download_name.map(content_disposition);
        match &*self.0 {
            Backend::S3(s3) => s3::presign_get(s3, key, expires, disposition).await,
            Backend::Local { signer, .. } | Backend::Memory { signer, .. } => {
                Ok(signer.get(key, expires, disposition))
            }
        }
    }

    /// What a request to `/files/{key}?{query}` may do, if this application signed that address and it has not expired.
    /// A bucket checks its own addresses, so with one every request is refused.
    ///
    /// # Errors
    /// If the address is not this application's, or was altered, or has expired.
    pub fn verify_signed(
        &self,
        method: &Method,
        key: &str,
        query: &str,
    ) -> Result<SignedRequest, InvalidSignedUrl> {
        match &*self.0 {
            Backend::S3(_) => Err(InvalidSignedUrl::Forged),
            Backend::Local { signer, .. } | Backend::Memory { signer, .. } => {
                signer.verify(method, key, query)
            }
        }
    }
}

/// `Content-Disposition` for a file to save (RFC 6266). Whatever could end the quotes or the header becomes `_`; a name with
/// letters beyond ASCII follows once more as it is, percent-encoded (RFC 8187), for browsers prefer that one.
fn content_disposition(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
    let ascii: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let saved_as = format!("attachment; filename=\"{ascii}\"");
    if name.is_ascii() {
        return saved_as;
    }
    // What forms leave or write otherwise than RFC 8187 does.
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let encoded = encoded.replace('+', "%20").replace('*', "%2A");
    format!("{saved_as}; filename*=UTF-8''{encoded}")
}

async fn within_deadline<T>(
    call: impl Future<Output = Result<T, StorageError>>,
) -> Result<T, StorageError> {
    tokio::time::timeout(DEADLINE, call)
        .await
        .unwrap_or(Err(StorageError::Deadline))
}
