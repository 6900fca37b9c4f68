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
