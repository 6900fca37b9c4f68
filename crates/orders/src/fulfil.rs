use anyhow::Context as _;
use kernel::Staff;
use platform::audit::AuditEntry;
use platform::db::Tx;
use serde_json::json;
use tracing::instrument;

use crate::events::OrderShipped;
use crate::order::{InvalidTransition, Order, OrderNumber, OrderStatus};
use crate::{Orders, db};

/// Why an order did not move on.
#[derive(Debug, thiserror::Error)]
pub enum FulfilError {
    /// There is none of this number.
    #[error("there is no such order")]
    NotFound,
    /// It does not stand where this step begins.
    #[error(transparent)]
    InvalidTransition(#[from] InvalidTransition),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Notes that the goods of a paid order are on their way, in a transaction of its own.
    pub async fn ship(&self, staff: Staff, number: OrderNumber) -> Result<Order, FulfilError> {
        let mut tx = self.db.begin().await?;
        let order = self.ship_in_tx(&mut tx, staff, number).await?;
        tx.commit().await.context("commit order")?;
        Ok(order)
    }

    /// Notes that the goods of a paid order are on their way.
    #[instrument(name = "orders.ship", skip_all)]
    pub async fn ship_in_tx(
        &self,
        tx: &mut Tx,
        staff: Staff,
        number: OrderNumber,
    ) -> Result<Order, FulfilError> {
        let order = self.fulfil(tx, staff, number, OrderStatus::Shipped).await?;
        let event = OrderShipped {
            order_id: order.id,
            number: order.number,
            user_id: order.user_id,
            shipped_at: self.clock.now(),
        };
        self.events.publish(tx, &event).await?;
        Ok(order)
    }

    /// Notes that the goods of a shipped order have arrived, in a transaction of its own.
    pub async fn complete(&self, staff: Staff, number: OrderNumber) -> Result<Order, FulfilError> {
        let mut tx = self.db.begin().await?;
        let order = self.complete_in_tx(&mut tx, staff, number).await?;
        tx.commit().await.context("commit order")?;
        Ok(order)
    }

    /// Notes that the goods of a shipped order have arrived.
    #[instrument(name = "orders.complete", skip_all)]
    pub async fn complete_in_tx(
        &self,
        tx: &mut Tx,
        staff: Staff,
        number: OrderNumber,
    ) -> Result<Order, FulfilError> {
        self.fulfil(tx, staff, number, OrderStatus::Completed).await
    }

    async fn fulfil(
        &self,
        tx: &mut Tx,
        staff: Staff,
        number: OrderNumber,
        next: OrderStatus,
    ) -> Result<Order, FulfilError> {
        let order = db::orders::lock_any(tx, number).await?;
        let mut order = order.ok_or(FulfilError::NotFound)?;
        let before = order.status;
        order.advance(next)?;
        db::orders::save_status(tx, &order, self.clock.now()).await?;
        let entry = AuditEntry {
            actor: Some(staff.user_id()),
            action: "orders.fulfil",
            subject_type: "order",
            subject_id: order.id.to_string(),
            before: Some(json!({ "status": before })),
            after: Some(json!({ "status": next })),
        };
        self.audit.record(tx, entry).await?;
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn staff_take_a_paid_order_to_its_end() {
        let (platform, orders) = a_shop().await;
        let (ann, staff) = (orders.a_user(), orders.a_staff_member());
        let order = orders.a_paid_order(ann).await;
        orders.ship(staff, order.number).await.unwrap();
        orders.complete(staff, order.number).await.unwrap();
        let tracked = orders.get(ann, order.number).await.unwrap();
        let statuses: Vec<_> = tracked
            .timeline
            .iter()
            .map(|entry| entry.status.as_str())
            .collect();
        assert_eq!(statuses, ["placed", "paid", "shipped", "completed"]);
        let event = OrderShipped {
            order_id: order.id,
            number: order.number,
            user_id: ann,
            shipped_at: platform.clock.now(),
        };
        assert_eq!(platform.published::<OrderShipped>().await, [event]);
    }

    #[tokio::test]
    async fn an_unpaid_order_is_not_shipped() {
        let (_platform, orders) = a_shop().await;
        let order = orders.a_placed_order(orders.a_user()).await;
        let shipped = orders.ship(orders.a_staff_member(), order.number).await;
        let refusal = InvalidTransition {
            from: OrderStatus::Placed,
            to: OrderStatus::Shipped,
        };
        assert!(matches!(shipped, Err(FulfilError::InvalidTransition(why)) if why == refusal));
    }
}
