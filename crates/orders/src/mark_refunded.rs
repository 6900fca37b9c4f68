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

#[cfg(test)]
mod tests {
    use platform::testing::TestPlatform;

    use super::*;
    use crate::order::Order;
    use crate::testing::a_shop;

    async fn refund(platform: &TestPlatform, orders: &Orders, order: &Order, payment: PaymentId) {
        let mut tx = platform.db.begin().await.unwrap();
        let refunded = orders.mark_refunded_in_tx(&mut tx, order.id, payment).await;
        refunded.unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn goods_that_never_left_return_to_the_shelves_once() {
        let (platform, orders) = a_shop().await;
        let (ann, product) = (orders.a_user(), orders.a_product().await);
        let command = orders.a_filled_cart(ann, &product, 4).await;
        let order = orders.place(ann, command).await.unwrap();
        let payment = orders.pay_for(&order).await;

        refund(&platform, &orders, &order, payment).await;
        refund(&platform, &orders, &order, payment).await;

        assert_eq!(orders.stock_of(&product).await, 10);
        let order = orders.get(ann, order.number).await.unwrap().order;
        assert_eq!(order.status, OrderStatus::Refunded);
        assert_eq!(platform.published::<OrderRefunded>().await.len(), 1);
    }

    #[tokio::test]
    async fn shipped_goods_are_not_on_the_shelves() {
        let (platform, orders) = a_shop().await;
        let (ann, product) = (orders.a_user(), orders.a_product().await);
        let command = orders.a_filled_cart(ann, &product, 4).await;
        let order = orders.place(ann, command).await.unwrap();
        let payment = orders.pay_for(&order).await;
        orders
            .ship(orders.a_staff_member(), order.number)
            .await
            .unwrap();

        refund(&platform, &orders, &order, payment).await;

        assert_eq!(orders.stock_of(&product).await, 6);
    }

    #[tokio::test]
    async fn the_refund_of_another_payment_leaves_the_order_alone() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let order = orders.a_paid_order(ann).await;
        let other = PaymentId::generate(&orders.clock, &orders.entropy);

        refund(&platform, &orders, &order, other).await;

        let order = orders.get(ann, order.number).await.unwrap().order;
        assert_eq!(order.status, OrderStatus::Paid);
        assert!(platform.published::<OrderRefunded>().await.is_empty());
    }
}
