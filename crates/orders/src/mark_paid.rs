use chrono::{DateTime, Utc};
use kernel::{Money, OrderId, PaymentId};
use platform::db::Tx;
use tracing::instrument;

use crate::events::{OrderPaid, PaymentRejected};
use crate::order::Payment;
use crate::{Orders, db};

/// That a payment has succeeded.
#[derive(Clone, Copy, Debug)]
pub struct MarkPaid {
    /// The order it is for.
    pub order_id: OrderId,
    /// The payment.
    pub payment_id: PaymentId,
    /// How much was paid.
    pub amount: Money,
    /// When.
    pub paid_at: DateTime<Utc>,
}

/// Why a payment could not be taken in.
#[derive(Debug, thiserror::Error)]
pub enum MarkPaidError {
    /// There is no such order.
    #[error("there is no such order")]
    NotFound,
    /// The amount is not the order's total. Only a person can tell which of the two is wrong.
    #[error("{paid} was paid for an order of {total}")]
    WrongAmount {
        /// What was paid.
        paid: Money,
        /// What the order costs.
        total: Money,
    },
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Takes in a payment. Hearing of it again changes and publishes nothing. A payment that comes too late, for an order
    /// that was cancelled meanwhile, is rejected by an event, so that the money goes back.
    #[instrument(name = "orders.mark_paid", skip_all)]
    pub async fn mark_paid_in_tx(
        &self,
        tx: &mut Tx,
        payment: MarkPaid,
    ) -> Result<(), MarkPaidError> {
        let order = db::orders::lock(tx, payment.order_id).await?;
        let mut order = order.ok_or(MarkPaidError::NotFound)?;
        let MarkPaid {
            payment_id,
            amount,
            paid_at,
            ..
        } = payment;
        match order.pay(payment_id, amount) {
            Payment::KnownAlready => {}
            Payment::WrongAmount => {
                return Err(MarkPaidError::WrongAmount {
                    paid: amount,
                    total: order.total,
                });
            }
            Payment::TooLate => {
                let event = PaymentRejected {
                    order_id: order.id,
                    payment_id,
                };
                self.events.publish(tx, &event).await?;
            }
            Payment::Accepted => {
                db::orders::save_status(tx, &order, paid_at).await?;
                let event = OrderPaid::new(order, payment_id, paid_at);
                self.events.publish(tx, &event).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use platform::testing::{TestPlatform, start_of_time};

    use super::*;
    use crate::order::{Order, OrderStatus};
    use crate::testing::a_shop;

    fn payment_of(orders: &Orders, order: &Order) -> MarkPaid {
        MarkPaid {
            order_id: order.id,
            payment_id: PaymentId::generate(&orders.clock, &orders.entropy),
            amount: order.total,
            paid_at: start_of_time(),
        }
    }

    async fn mark_paid(
        platform: &TestPlatform,
        orders: &Orders,
        payment: MarkPaid,
    ) -> Result<(), MarkPaidError> {
        let mut tx = platform.db.begin().await.unwrap();
        orders.mark_paid_in_tx(&mut tx, payment).await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    #[tokio::test]
    async fn a_payment_is_taken_in_once_however_often_it_is_told() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let order = orders.a_placed_order(ann).await;
        let payment = payment_of(&orders, &order);

        mark_paid(&platform, &orders, payment).await.unwrap();
        mark_paid(&platform, &orders, payment).await.unwrap();

        let tracked = orders.get(ann, order.number).await.unwrap();
        assert_eq!(tracked.order.status, OrderStatus::Paid);
        assert_eq!(tracked.order.payment_id, Some(payment.payment_id));
        assert_eq!(tracked.timeline.len(), 2);
        let event = OrderPaid::new(order, payment.payment_id, payment.paid_at);
        assert_eq!(platform.published::<OrderPaid>().await, [event]);
    }

    #[tokio::test]
    async fn a_payment_of_a_cancelled_order_is_sent_back() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let order = orders.a_placed_order(ann).await;
        orders.cancel(ann, order.number).await.unwrap();
        let payment = payment_of(&orders, &order);

        mark_paid(&platform, &orders, payment).await.unwrap();

        let order = orders.get(ann, order.number).await.unwrap().order;
        assert_eq!(order.status, OrderStatus::Cancelled);
        let event = PaymentRejected {
            order_id: order.id,
            payment_id: payment.payment_id,
        };
        assert_eq!(platform.published::<PaymentRejected>().await, [event]);
        assert!(platform.published::<OrderPaid>().await.is_empty());
    }

    #[tokio::test]
    async fn a_wrong_amount_is_left_to_a_person() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let order = orders.a_placed_order(ann).await;
        let mut payment = payment_of(&orders, &order);
        payment.amount = Money::new(1, order.total.currency());

        let marked = mark_paid(&platform, &orders, payment).await;

        assert!(matches!(marked, Err(MarkPaidError::WrongAmount { .. })));
        let order = orders.get(ann, order.number).await.unwrap().order;
        assert_eq!(order.status, OrderStatus::Placed);
    }
}
