use std::path::Path;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::aws::AmazonS3;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt as _, PutOptions,
};

use super::{ObjectKey, ObjectMeta, StorageError, StoredObject, signed_url};

#[derive(Debug)]
pub(super) enum Backend {
    S3(AmazonS3),
    Local {
        objects: LocalFileSystem,
        /// The content type of each object, in a file of the same name: a file system has no place for it.
        types: LocalFileSystem,
        signer: signed_url::Signer,
    },
    Memory {
        objects: InMemory,
        signer: signed_url::Signer,
    },
}

const UNKNOWN_TYPE: &str = "application/octet-stream";

impl Backend {
    pub(super) fn local(folder: &Path, signer: signed_url::Signer) -> anyhow::Result<Self> {
        let open = |name: &str| {
            let folder = folder.join(name);
            std::fs::create_dir_all(&folder)?;
            anyhow::Ok(LocalFileSystem::new_with_prefix(folder)?)
        };
        Ok(Self::Local {
            objects: open("objects")?,
            types: open("types")?,
            signer,
        })
    }

    pub(super) fn memory(signer: signed_url::Signer) -> Self {
        Self::Memory {
            objects: InMemory::new(),
            signer,
        }
    }

    pub(super) async fn put(
        &self,
        key: &ObjectKey,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<(), StorageError> {
        let mut options = PutOptions::default();
        if let Self::Local { types, .. } = self {
            // Before the object, so that none is ever seen without its type.
            let content_type = Bytes::copy_from_slice(content_type.as_bytes());
            types
                .put(&key.path(), content_type.into())
                .await
                .map_err(StorageError::Failed)?;
        } else {
            let content_type = content_type.to_owned();
            options.attributes = Attributes::from_iter([(Attribute::ContentType, content_type)]);
        }
        self.objects()
            .put_opts(&key.path(), bytes.into(), options)
            .await
            .map_err(StorageError::Failed)?;
        Ok(())
    }

    pub(super) async fn get(&self, key: &ObjectKey) -> Result<Option<StoredObject>, StorageError> {
        let Some(found) = found(self.objects().get(&key.path()).await)? else {
            return Ok(None);
        };
        let content_type = self.content_type(key, &found.attributes).await?;
        let bytes = found.bytes().await.map_err(StorageError::Failed)?;
        Ok(Some(StoredObject {
            bytes,
            content_type,
        }))
    }

    pub(super) async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StorageError> {
        let head = GetOptions::default().with_head(true);
        let Some(found) = found(self.objects().get_opts(&key.path(), head).await)? else {
            return Ok(None);
        };
        Ok(Some(ObjectMeta {
            size: found.meta.size,
            content_type: self.content_type(key, &found.attributes).await?,
        }))
    }

    pub(super) async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        found(self.objects().delete(&key.path()).await)?;
        if let Self::Local { types, .. } = self {
            found(types.delete(&key.path()).await)?;
        }
        Ok(())
    }

    pub(super) async fn list(&self, folder: &str) -> Result<Vec<ObjectKey>, StorageError> {
        let listed: Vec<_> = self
            .objects()
            .list(Some(&object_store::path::Path::from(folder)))
            .try_collect()
            .await
            .map_err(StorageError::Failed)?;
        // What someone else put there under another kind of name is not this application's.
        let keys = listed
            .into_iter()
            .filter_map(|meta| ObjectKey::new(meta.location.as_ref()).ok());
        let mut keys: Vec<_> = keys.collect();
        keys.sort();
        Ok(keys)
    }

    fn objects(&self) -> &dyn ObjectStore {
        match self {
            Self::S3(objects) => objects,
            Self::Local { objects, .. } => objects,
            Self::Memory { objects, .. } => objects,
        }
    }

    async fn content_type(
        &self,
        key: &ObjectKey,
        attributes: &Attributes,
    ) -> Result<String, StorageError> {
        let Self::Local { types, .. } = self else {
            let content_type = attributes.get(&Attribute::ContentType);
            return Ok(content_type.map_or(UNKNOWN_TYPE, AsRef::as_ref).to_owned());
        };
        let Some(found) = found(types.get(&key.path()).await)? else {
            return Ok(UNKNOWN_TYPE.to_owned());
        };
        let bytes = found.bytes().await.map_err(StorageError::Failed)?;
        String::from_utf8(bytes.into()).map_err(invalid)
    }
}

/// That there is no such object is an answer, not an error.
fn found<T>(result: object_store::Result<T>) -> Result<Option<T>, StorageError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(StorageError::Failed(error)),
    }
}

pub(super) fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::Failed(object_store::Error::Generic {
        store: "storage",
        source: Box::new(error),
    })
}
