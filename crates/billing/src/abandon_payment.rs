use anyhow::Context as _;
use kernel::OrderId;
use platform::db::Tx;
use tracing::instrument;

use crate::jobs::ExpireSession;
use crate::{Billing, db};

impl Billing {
    /// Gives up the payment of a cancelled order and closes its checkout page. `false` if it is not opened yet.
    ///
    /// If the customer has paid in the meantime nothing happens here: the order will turn down the news of the payment,
    /// and [`Billing::refund_rejected_payment_in_tx`] gives the money back.
    ///
    /// # Errors
    /// If the payment cannot be stored.
    #[instrument(name = "billing.abandon_payment", skip_all)]
    pub async fn abandon_payment_in_tx(
        &self,
        tx: &mut Tx,
        order_id: OrderId,
    ) -> anyhow::Result<bool> {
        let payment = db::payments::lock_of_order(tx, order_id)
            .await
            .context("lock payment")?;
        let Some(mut payment) = payment else {
            return Ok(false);
        };
        let Ok(session) = payment.abandon() else {
            return Ok(true);
        };
        db::payments::update(tx, &payment)
            .await
            .context("update payment")?;
        if let Some(session) = session {
            let close = ExpireSession {
                session_id: session.id,
            };
            self.jobs.enqueue(tx, &close).await?;
        }
        Ok(true)
    }
}
