use kernel::{DeliveryId, EndpointId, InvalidCursor, Page, PageRequest, UserId};
use tracing::instrument;

use crate::delivery::Delivery;
use crate::{Webhooks, db};

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListDeliveriesError {
    /// There is no endpoint of this id, or it is somebody else's.
    #[error("there is no such endpoint")]
    NotFound,
    /// The cursor belongs to another list.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// What was sent to one of the person's endpoints within the last 30 days, newest first.
    #[instrument(name = "webhooks.list_deliveries", skip_all)]
    pub async fn list_deliveries(
        &self,
        user_id: UserId,
        endpoint_id: EndpointId,
        page: &PageRequest,
    ) -> Result<Page<Delivery>, ListDeliveriesError> {
        let after: Option<DeliveryId> = page.key()?;
        let mut connection = self.db.acquire().await?;
        let own = db::endpoints::find_own(&mut connection, user_id, endpoint_id).await?;
        let endpoint = own.ok_or(ListDeliveriesError::NotFound)?;
        let rows = page.size.rows();
        let deliveries = db::deliveries::list(&mut connection, endpoint.id, after, rows).await?;
        Ok(Page::from_rows(deliveries, page.size, |last| last.id))
    }
}
