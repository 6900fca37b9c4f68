use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{Money, OrderId, PaymentId, UserId};
use tracing::instrument;

use crate::payment::{Payment, PaymentStatus};
use crate::{Billing, db};

/// A payment, as its customer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentView {
    /// The payment.
    pub id: PaymentId,
    /// The order that it is for.
    pub order_id: OrderId,
    /// The number of that order.
    pub order_number: String,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: PaymentStatus,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            order_id: payment.order_id,
            order_number: payment.order_number,
            amount: payment.amount,
            status: payment.status,
            paid_at: payment.paid_at,
        }
    }
}

impl Billing {
    /// The payment of a person's order. `None` for another's order, and in the moment before it is opened.
    ///
    /// # Errors
    /// If the database cannot be reached.
    #[instrument(name = "billing.payment_of_order", skip_all)]
    pub async fn payment_of_order(
        &self,
        user_id: UserId,
        order_id: OrderId,
    ) -> anyhow::Result<Option<PaymentView>> {
        let mut connection = self.db.acquire().await?;
        let payment = db::payments::find_of_order(&mut connection, user_id, order_id)
            .await
            .context("find payment")?;
        Ok(payment.map(PaymentView::from))
    }
}
