use anyhow::Context as _;
use kernel::{EndpointId, EventId, UserId};
use platform::db::Tx;
use serde_json::json;
use tracing::instrument;

use crate::delivery::{Delivery, DeliveryStatus};
use crate::event_kind::EventKind;
use crate::notify::payload;
use crate::{Webhooks, db};

/// Why no test was sent.
#[derive(Debug, thiserror::Error)]
pub enum SendTestError {
    /// There is no endpoint of this id, or it is somebody else's.
    #[error("there is no such endpoint")]
    NotFound,
    /// The last thing sent there was a test that is still on its way.
    #[error("a test is on its way")]
    OnItsWay,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// Sends a test to one of the person's endpoints, in a transaction of its own.
    pub async fn send_test(
        &self,
        user_id: UserId,
        id: EndpointId,
    ) -> Result<Delivery, SendTestError> {
        let mut tx = self.db.begin().await?;
        let delivery = self.send_test_in_tx(&mut tx, user_id, id).await?;
        tx.commit().await.context("commit test")?;
        Ok(delivery)
    }

    /// Sends a test to one of the person's endpoints, once, though the endpoint be switched off: whoever repairs it wants to
    /// see that it works before anything depends on it.
    #[instrument(name = "webhooks.send_test", skip_all)]
    pub async fn send_test_in_tx(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        id: EndpointId,
    ) -> Result<Delivery, SendTestError> {
        let endpoint = db::endpoints::lock_own(tx, user_id, id).await?;
        let endpoint = endpoint.ok_or(SendTestError::NotFound)?;
        let last = db::deliveries::list(tx, id, None, 1).await?.pop();
        let is_waiting = |last: &Delivery| {
            last.event == EventKind::Test && last.status == DeliveryStatus::Pending
        };
        if last.as_ref().is_some_and(is_waiting) {
            return Err(SendTestError::OnItsWay);
        }
        let message_id = EventId::generate(&self.clock, &self.entropy).as_uuid();
        let data = json!({ "endpoint_id": id });
        let payload = payload(message_id, EventKind::Test, self.clock.now(), &data)?;
        let mut delivery = self.new_delivery(id, message_id, EventKind::Test, payload);
        delivery.most_attempts = 1;
        db::deliveries::insert(tx, &delivery).await?;
        self.enqueue_attempt(tx, &endpoint, &delivery).await?;
        Ok(delivery)
    }
}
