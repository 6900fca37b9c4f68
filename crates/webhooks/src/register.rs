use anyhow::Context as _;
use kernel::{EndpointId, UserId};
use platform::db::Tx;
use tracing::instrument;

use crate::endpoint::{Description, Endpoint, EndpointStatus, MAX_ENDPOINTS};
use crate::endpoint_url::{EndpointUrl, InvalidEndpointUrl};
use crate::event_kind::Subscription;
use crate::{Webhooks, db};

/// Where somebody wants to be told, and of what.
#[derive(Clone, Debug)]
pub struct Register {
    /// The address, as it was entered.
    pub url: String,
    /// What they call the endpoint.
    pub description: Description,
    /// What they want to be told of.
    pub events: Subscription,
}

/// Why an endpoint was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The address cannot be one.
    #[error(transparent)]
    InvalidUrl(#[from] InvalidEndpointUrl),
    /// The person has [`MAX_ENDPOINTS`] already.
    #[error("there are too many endpoints")]
    TooMany,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// Registers an endpoint, in a transaction of its own.
    pub async fn register(
        &self,
        user_id: UserId,
        command: Register,
    ) -> Result<Endpoint, RegisterError> {
        let mut tx = self.db.begin().await?;
        let endpoint = self.register_in_tx(&mut tx, user_id, command).await?;
        tx.commit().await.context("commit endpoint")?;
        Ok(endpoint)
    }

    /// Registers an endpoint.
    #[instrument(name = "webhooks.register", skip_all)]
    pub async fn register_in_tx(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        command: Register,
    ) -> Result<Endpoint, RegisterError> {
        let url = EndpointUrl::parse(&command.url, self.settings.allow_private_addresses)?;
        db::endpoints::lock_list(tx, user_id).await?;
        if db::endpoints::list(tx, user_id).await?.len() >= MAX_ENDPOINTS {
            return Err(RegisterError::TooMany);
        }
        let endpoint = Endpoint {
            id: EndpointId::generate(&self.clock, &self.entropy),
            user_id,
            url,
            description: command.description,
            events: command.events,
            status: EndpointStatus::Enabled,
            secret_generation: 1,
            previous_secret_until: None,
            failures: 0,
            failing_since: None,
            created_at: self.clock.now(),
        };
        db::endpoints::insert(tx, &endpoint).await?;
        Ok(endpoint)
    }
}
