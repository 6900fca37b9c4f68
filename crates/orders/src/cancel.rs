use anyhow::Context as _;
use kernel::UserId;
use platform::db::Tx;
use tracing::instrument;

use crate::events::OrderCancelled;
use crate::order::{InvalidTransition, Order, OrderNumber, OrderStatus};
use crate::{Orders, db};

/// Why an order was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is none of this number, or it is somebody else's.
    #[error("there is no such order")]
    NotFound,
    /// It is paid, or cancelled already.
    #[error(transparent)]
    TooLate(#[from] InvalidTransition),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Gives up an order of the person's that is not paid, in a transaction of its own.
    pub async fn cancel(&self, user_id: UserId, number: OrderNumber) -> Result<Order, CancelError> {
        let mut tx = self.db.begin().await?;
        let order = self.cancel_in_tx(&mut tx, user_id, number).await?;
        tx.commit().await.context("commit cancellation")?;
        Ok(order)
    }

    /// Gives up an order of the person's that is not paid.
    #[instrument(name = "orders.cancel", skip_all)]
    pub async fn cancel_in_tx(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        number: OrderNumber,
    ) -> Result<Order, CancelError> {
        let order = db::orders::lock_own(tx, user_id, number).await?;
        let mut order = order.ok_or(CancelError::NotFound)?;
        order.advance(OrderStatus::Cancelled)?;
        self.record_cancellation(tx, &order).await?;
        Ok(order)
    }

    /// What every cancellation brings about.
    pub(crate) async fn record_cancellation(
        &self,
        tx: &mut Tx,
        order: &Order,
    ) -> anyhow::Result<()> {
        db::orders::save_status(tx, order, self.clock.now()).await?;
        db::catalogue::return_stock(tx, &order.lines).await?;
        let event = OrderCancelled {
            order_id: order.id,
            number: order.number,
            user_id: order.user_id,
        };
        self.events.publish(tx, &event).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn a_cancelled_order_gives_its_stock_back() {
        let (platform, orders) = a_shop().await;
        let (ann, product) = (orders.a_user(), orders.a_product().await);
        let command = orders.a_filled_cart(ann, &product, 4).await;
        let order = orders.place(ann, command).await.unwrap();
        assert_eq!(orders.stock_of(&product).await, 6);

        let cancelled = orders.cancel(ann, order.number).await.unwrap();

        assert_eq!(cancelled.status, OrderStatus::Cancelled);
        assert_eq!(orders.stock_of(&product).await, 10);
        let tracked = orders.get(ann, order.number).await.unwrap();
        let statuses: Vec<_> = tracked.timeline.iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, [OrderStatus::Placed, OrderStatus::Cancelled]);
        let event = OrderCancelled {
            order_id: order.id,
            number: order.number,
            user_id: ann,
        };
        assert_eq!(platform.published::<OrderCancelled>().await, [event]);

        let again = orders.cancel(ann, order.number).await;
        assert!(matches!(again, Err(CancelError::TooLate(_))));
        assert_eq!(orders.stock_of(&product).await, 10);
    }

    #[tokio::test]
    async fn a_paid_order_cannot_be_cancelled() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let order = orders.a_paid_order(ann).await;
        let cancelled = orders.cancel(ann, order.number).await;
        assert!(matches!(cancelled, Err(CancelError::TooLate(_))));
        assert!(platform.published::<OrderCancelled>().await.is_empty());
    }

    #[tokio::test]
    async fn nobody_cancels_somebody_elses_order() {
        let (_platform, orders) = a_shop().await;
        let order = orders.a_placed_order(orders.a_user()).await;
        let cancelled = orders.cancel(orders.a_user(), order.number).await;
        assert!(matches!(cancelled, Err(CancelError::NotFound)));
    }
}
