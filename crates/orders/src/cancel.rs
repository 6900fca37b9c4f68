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
    /// Gives up an order of the person's that is not paid.
    #[instrument(name = "orders.cancel", skip_all)]
    pub async fn cancel(&self, user_id: UserId, number: OrderNumber) -> Result<Order, CancelError> {
        let mut tx = self.db.begin().await?;
        let order = db::orders::lock_own(&mut tx, user_id, number).await?;
        let mut order = order.ok_or(CancelError::NotFound)?;
        order.advance(OrderStatus::Cancelled)?;
        self.record_cancellation(&mut tx, &order).await?;
        tx.commit().await.context("commit cancellation")?;
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
