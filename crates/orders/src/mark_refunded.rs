use kernel::{OrderId, PaymentId};
use platform::db::Tx;
use tracing::instrument;

use crate::events::OrderRefunded;
use crate::order::OrderStatus;
use crate::{Orders, db};

/// Why a refund could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum MarkRefundedError {
    /// There is no such order.
    #[error("there is no such order")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Takes in that the money of a payment went back in full. Goods that had not been shipped return to the shelves;
    /// shipped ones have to come back first.
    ///
    /// It changes nothing if it is known already, or if the order did not accept this payment in the first place.
    #[instrument(name = "orders.mark_refunded", skip_all)]
    pub async fn mark_refunded_in_tx(
        &self,
        tx: &mut Tx,
        order_id: OrderId,
        payment_id: PaymentId,
    ) -> Result<(), MarkRefundedError> {
        let order = db::orders::lock(tx, order_id).await?;
        let mut order = order.ok_or(MarkRefundedError::NotFound)?;
        let in_the_shop = order.status == OrderStatus::Paid;
        if order.payment_id != Some(payment_id) || order.advance(OrderStatus::Refunded).is_err() {
            return Ok(());
        }
        db::orders::save_status(tx, &order, self.clock.now()).await?;
        if in_the_shop {
            db::catalogue::return_stock(tx, &order.lines).await?;
        }
        let event = OrderRefunded {
            order_id: order.id,
            number: order.number,
            user_id: order.user_id,
        };
        self.events.publish(tx, &event).await?;
        Ok(())
    }
}
