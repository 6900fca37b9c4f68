use anyhow::Context as _;
use kernel::{EndpointId, UserId};
use tracing::instrument;

use crate::{Webhooks, db};

/// Why an endpoint was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// There is none of this id, or it is somebody else's.
    #[error("there is no such endpoint")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// Removes one of the person's endpoints, with all that was sent there. What is under way finds nothing to deliver.
    #[instrument(name = "webhooks.remove", skip_all)]
    pub async fn remove(&self, user_id: UserId, id: EndpointId) -> Result<(), RemoveError> {
        let mut tx = self.db.begin().await?;
        if !db::endpoints::delete(&mut tx, user_id, id).await? {
            return Err(RemoveError::NotFound);
        }
        tx.commit().await.context("commit removal")?;
        Ok(())
    }
}
