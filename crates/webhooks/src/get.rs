use kernel::{EndpointId, UserId};
use tracing::instrument;

use crate::endpoint::Endpoint;
use crate::secret::Secret;
use crate::{Webhooks, db};

/// Why there is no such endpoint.
#[derive(Debug, thiserror::Error)]
pub enum GetEndpointError {
    /// There is none of this id, or it is somebody else's.
    #[error("there is no such endpoint")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// One of the person's endpoints.
    #[instrument(name = "webhooks.get", skip_all)]
    pub async fn get(&self, user_id: UserId, id: EndpointId) -> Result<Endpoint, GetEndpointError> {
        let mut connection = self.db.acquire().await?;
        let endpoint = db::endpoints::find_own(&mut connection, user_id, id).await?;
        endpoint.ok_or(GetEndpointError::NotFound)
    }

    /// What an endpoint's messages are signed with. For its owner's eyes.
    #[must_use]
    pub fn secret_of(&self, endpoint: &Endpoint) -> Secret {
        self.secret(endpoint, endpoint.secret_generation)
    }

    pub(crate) fn secret(&self, endpoint: &Endpoint, generation: i32) -> Secret {
        Secret::derive(&self.settings.secret_key, endpoint.id, generation)
    }
}
