use kernel::UserId;
use tracing::instrument;

use crate::order::{Order, OrderNumber, TimelineEntry};
use crate::{Orders, db};

/// An order and how it came to where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedOrder {
    /// The order.
    pub order: Order,
    /// When it entered each of its statuses, in that order.
    pub timeline: Vec<TimelineEntry>,
}

/// Why there is no such order.
#[derive(Debug, thiserror::Error)]
pub enum GetOrderError {
    /// There is none of this number, or it is somebody else's.
    #[error("there is no such order")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// One of the person's orders.
    #[instrument(name = "orders.get", skip_all)]
    pub async fn get(
        &self,
        user_id: UserId,
        number: OrderNumber,
    ) -> Result<TrackedOrder, GetOrderError> {
        let mut connection = self.db.acquire().await?;
        let order = db::orders::find_own(&mut connection, user_id, number).await?;
        let order = order.ok_or(GetOrderError::NotFound)?;
        let timeline = db::orders::timeline(&mut connection, order.id).await?;
        Ok(TrackedOrder { order, timeline })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn somebody_elses_order_is_not_found() {
        let (_platform, orders) = a_shop().await;
        let order = orders.a_placed_order(orders.a_user()).await;
        let found = orders.get(orders.a_user(), order.number).await;
        assert!(matches!(found, Err(GetOrderError::NotFound)));
    }
}
