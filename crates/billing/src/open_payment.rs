use anyhow::Context as _;
use kernel::{Money, OrderId, PaymentId, UserId};
use platform::db::Tx;
use tracing::instrument;

use crate::payment::{Payment, PaymentStatus};
use crate::{Billing, db};

/// An order that wants to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPayment {
    /// The order; it has one payment.
    pub order_id: OrderId,
    /// The number that people quote.
    pub order_number: String,
    /// Who pays.
    pub user_id: UserId,
    /// How much. More than nothing.
    pub amount: Money,
}

impl Billing {
    /// Opens the payment of an order, once: if it is there already, nothing changes.
    ///
    /// # Errors
    /// If the payment cannot be stored, or another order has the order's number.
    #[instrument(name = "billing.open_payment", skip_all)]
    pub async fn open_payment_in_tx(&self, tx: &mut Tx, open: OpenPayment) -> anyhow::Result<()> {
        let payment = Payment {
            id: PaymentId::generate(&self.clock, &self.entropy),
            order_id: open.order_id,
            order_number: open.order_number,
            user_id: open.user_id,
            amount: open.amount,
            status: PaymentStatus::Opened,
            attempt: None,
            session: None,
            intent_id: None,
            paid_at: None,
            failure: None,
            created_at: self.clock.now(),
        };
        let inserted = db::payments::insert(tx, &payment)
            .await
            .context("insert payment")?;
        if !inserted {
            db::payments::lock_of_order(tx, payment.order_id)
                .await
                .context("lock payment")?
                .context("the order's number belongs to another order's payment")?;
        }
        Ok(())
    }
}
