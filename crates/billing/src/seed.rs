//! Payments of the demo shop, settled without asking a provider: demo data is made before any provider is there. They
//! count as confirmed, because none will ever know them.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{Clock, OrderId};
use serde_json::json;

use crate::open_payment::OpenPayment;
use crate::payment::Received;
use crate::provider::{Standing, State};
use crate::{Billing, db};

impl Billing {
    /// The module as it was at another time, to give demo data a past.
    #[must_use]
    pub fn at(&self, time: DateTime<Utc>) -> Self {
        Self {
            clock: Clock::fixed(time),
            ..self.clone()
        }
    }

    /// Opens the payment of an order and settles it, as if the provider had said that the money is here.
    ///
    /// # Errors
    /// If the payment cannot be stored.
    pub async fn seed_payment(&self, open: OpenPayment) -> anyhow::Result<()> {
        let order_id = open.order_id;
        let mut tx = self.db.begin().await?;
        self.open_payment_in_tx(&mut tx, open).await?;
        let payment = db::payments::lock_of_order(&mut tx, order_id)
            .await
            .context("lock payment")?
            .context("a payment that was opened is there")?;
        let intent_id = format!("pi_demo_{}", payment.id);
        let received = Received {
            intent_id: intent_id.clone(),
            minor: payment.amount.minor(),
            currency: payment.amount.currency().code().to_ascii_lowercase(),
        };
        let standing = Standing {
            payment_id: Some(payment.id),
            state: State::Paid(received),
        };
        self.settle_in_tx(&mut tx, standing).await?;
        db::reconciliation::confirm_payments(&mut tx, &[intent_id], self.clock.now())
            .await
            .context("confirm demo payment")?;
        tx.commit().await.context("commit demo payment")
    }

    /// Gives the money of a settled payment back, as if the provider had said that it is done.
    ///
    /// # Errors
    /// If there is nothing to give back, or the refund cannot be stored.
    pub async fn seed_refund(&self, order_id: OrderId) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let payment = db::payments::lock_of_order(&mut tx, order_id)
            .await
            .context("lock payment")?
            .context("only what was paid can be given back")?;
        let reason = "Came back unused.";
        let refund = self.request(&mut tx, &payment, None, reason, None).await?;
        let reply_id = format!("re_demo_{}", refund.id);
        let reply = json!({
            "id": reply_id, "status": "succeeded",
            "amount": refund.amount.minor(), "currency": refund.amount.currency().code().to_ascii_lowercase(),
        });
        // Not fuzzed: written right above.
        let reply = serde_json::from_value(reply).context("write a provider's reply")?;
        self.apply_refund_in_tx(&mut tx, refund.id, &reply).await?;
        db::reconciliation::confirm_refunds(&mut tx, &[reply_id], self.clock.now())
            .await
            .context("confirm demo refund")?;
        tx.commit().await.context("commit demo refund")
    }
}

#[cfg(test)]
mod tests {
    use platform::testing::TestPlatform;

    use super::*;
    use crate::testing;
    use crate::{MIGRATOR, PaymentRefunded, PaymentStatus, PaymentSucceeded};

    #[tokio::test]
    async fn a_demo_payment_is_paid_and_can_be_given_back() {
        let platform = TestPlatform::start(&[&MIGRATOR]).await;
        let nowhere = "http://127.0.0.1:9".parse().unwrap();
        let billing = Billing::new(&platform, testing::settings(nowhere, "key")).unwrap();
        let open = testing::an_order_to_pay(&platform.clock, &platform.entropy);
        let then = platform.clock.now() - chrono::TimeDelta::days(2);

        billing.at(then).seed_payment(open.clone()).await.unwrap();
        let succeeded = platform.published::<PaymentSucceeded>().await;
        assert_eq!(
            (succeeded[0].amount, succeeded[0].paid_at),
            (open.amount, then)
        );

        let invoice = testing::the_invoice_of(&open);
        let mut tx = platform.db.begin().await.unwrap();
        billing.issue_invoice_in_tx(&mut tx, invoice).await.unwrap();
        tx.commit().await.unwrap();
        billing.seed_refund(open.order_id).await.unwrap();
        assert_eq!(platform.published::<PaymentRefunded>().await.len(), 1);
        let mut connection = platform.db.acquire().await.unwrap();
        let payment = db::payments::lock_of_order(&mut connection, open.order_id)
            .await
            .unwrap();
        assert_eq!(payment.unwrap().status, PaymentStatus::Refunded);
        let long_after = then + chrono::TimeDelta::days(10);
        let charges = db::reconciliation::unconfirmed_charges(&mut connection, long_after).await;
        let refunds = db::reconciliation::unconfirmed_refunds(&mut connection, long_after).await;
        assert_eq!((charges.unwrap(), refunds.unwrap()), (vec![], vec![]));
    }
}
