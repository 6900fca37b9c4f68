use anyhow::Context as _;
use kernel::{EndpointId, UserId};
use tracing::instrument;

use crate::endpoint::Endpoint;
use crate::{Webhooks, db};

/// Why an endpoint was not switched on or off.
#[derive(Debug, thiserror::Error)]
pub enum ChangeStatusError {
    /// There is none of this id, or it is somebody else's.
    #[error("there is no such endpoint")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// Switches one of the person's endpoints off. What happens meanwhile is not told later; what was under way is given up
    /// when it would be sent.
    #[instrument(name = "webhooks.pause", skip_all)]
    pub async fn pause(
        &self,
        user_id: UserId,
        id: EndpointId,
    ) -> Result<Endpoint, ChangeStatusError> {
        self.change_endpoint(user_id, id, Endpoint::pause).await
    }

    /// Switches one of the person's endpoints on again.
    #[instrument(name = "webhooks.enable", skip_all)]
    pub async fn enable(
        &self,
        user_id: UserId,
        id: EndpointId,
    ) -> Result<Endpoint, ChangeStatusError> {
        self.change_endpoint(user_id, id, Endpoint::enable).await
    }

    async fn change_endpoint(
        &self,
        user_id: UserId,
        id: EndpointId,
        change: fn(&mut Endpoint),
    ) -> Result<Endpoint, ChangeStatusError> {
        let mut tx = self.db.begin().await?;
        let endpoint = db::endpoints::lock_own(&mut tx, user_id, id).await?;
        let mut endpoint = endpoint.ok_or(ChangeStatusError::NotFound)?;
        change(&mut endpoint);
        db::endpoints::update(&mut tx, &endpoint).await?;
        tx.commit().await.context("commit endpoint")?;
        Ok(endpoint)
    }
}
