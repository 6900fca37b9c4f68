use anyhow::Context as _;
use kernel::{DeliveryId, EndpointId, UserId};
use platform::db::Tx;
use tracing::instrument;

use crate::delivery::{Delivery, DeliveryStatus};
use crate::endpoint::EndpointStatus;
use crate::{Webhooks, db};

/// Why a message was not sent again.
#[derive(Debug, thiserror::Error)]
pub enum RedeliverError {
    /// There is no such delivery, or the endpoint is somebody else's.
    #[error("there is no such delivery")]
    NotFound,
    /// It is on its way already, or tried again by itself.
    #[error("the message is on its way")]
    OnItsWay,
    /// The endpoint is switched off.
    #[error("the endpoint is switched off")]
    Disabled,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// Sends a message once more, in a transaction of its own.
    pub async fn redeliver(
        &self,
        user_id: UserId,
        endpoint_id: EndpointId,
        id: DeliveryId,
    ) -> Result<Delivery, RedeliverError> {
        let mut tx = self.db.begin().await?;
        let delivery = self
            .redeliver_in_tx(&mut tx, user_id, endpoint_id, id)
            .await?;
        tx.commit().await.context("commit redelivery")?;
        Ok(delivery)
    }

    /// Sends a message once more, delivered or given up. Its receiver knows it again by its id.
    #[instrument(name = "webhooks.redeliver", skip_all)]
    pub async fn redeliver_in_tx(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        endpoint_id: EndpointId,
        id: DeliveryId,
    ) -> Result<Delivery, RedeliverError> {
        let endpoint = db::endpoints::lock_own(tx, user_id, endpoint_id).await?;
        let endpoint = endpoint.ok_or(RedeliverError::NotFound)?;
        let delivery = db::deliveries::find(tx, id).await?;
        let mut delivery = delivery
            .filter(|delivery| delivery.endpoint_id == endpoint_id)
            .ok_or(RedeliverError::NotFound)?;
        if delivery.status == DeliveryStatus::Pending {
            return Err(RedeliverError::OnItsWay);
        }
        if endpoint.status != EndpointStatus::Enabled {
            return Err(RedeliverError::Disabled);
        }
        delivery.send_again(self.clock.now());
        db::deliveries::update(tx, &delivery).await?;
        self.enqueue_attempt(tx, &endpoint, &delivery).await?;
        Ok(delivery)
    }
}
