use chrono::{DateTime, Utc};
use kernel::{InvalidCursor, OrderId, Page, PageRequest, UserId};
use tracing::instrument;
use uuid::Uuid;

use crate::order::Order;
use crate::{Orders, db};

/// Why there is no list of orders.
#[derive(Debug, thiserror::Error)]
pub enum ListOrdersError {
    /// The cursor belongs to another list.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// The person's orders with their lines, newest first.
    #[instrument(name = "orders.list", skip_all)]
    pub async fn list(
        &self,
        user_id: UserId,
        page: &PageRequest,
    ) -> Result<Page<Order>, ListOrdersError> {
        // The first page begins behind the latest order there can be, so that one query serves every page.
        let latest = (DateTime::<Utc>::MAX_UTC, OrderId::from_uuid(Uuid::max()));
        let behind = page.key()?.unwrap_or(latest);
        let mut connection = self.db.acquire().await?;
        let orders = db::orders::list(&mut connection, user_id, behind, page.size.rows()).await?;
        Ok(Page::from_rows(orders, page.size, |order| {
            (order.placed_at, order.id)
        }))
    }
}
