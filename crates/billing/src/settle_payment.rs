//! Brings a payment in line with what the provider says about it. Webhooks, checks and cancelled sessions all end here.

use anyhow::Context as _;
use kernel::PaymentId;
use platform::db::Tx;

use crate::events::PaymentSucceeded;
use crate::ledger::Booking;
use crate::payment::{Payment, Received, Settlement};
use crate::provider::{Standing, State};
use crate::{Billing, db};

impl Billing {
    /// As [`Billing::settle_in_tx`], in a transaction of its own.
    pub(crate) async fn settle(&self, standing: Standing) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        self.settle_in_tx(&mut tx, standing).await?;
        tx.commit().await.context("commit settlement")
    }

    /// Applies what the provider says. Saying it twice, late or in any order changes nothing more.
    pub(crate) async fn settle_in_tx(&self, tx: &mut Tx, standing: Standing) -> anyhow::Result<()> {
        let Some(payment_id) = standing.payment_id else {
            tracing::info!("the provider's account is also used by others: ignoring their payment");
            return Ok(());
        };
        let Some(mut payment) = db::payments::lock(tx, payment_id)
            .await
            .context("lock payment")?
        else {
            tracing::warn!(%payment_id, "the provider knows a payment that we do not");
            return Ok(());
        };
        match standing.state {
            State::Waiting => return Ok(()),
            State::Ended { session_id } => payment.session_ended(&session_id),
            State::Paid(received) => self.receive(tx, &mut payment, received).await?,
        }
        db::payments::update(tx, &payment)
            .await
            .context("update payment")
    }

    async fn receive(
        &self,
        tx: &mut Tx,
        payment: &mut Payment,
        received: Received,
    ) -> anyhow::Result<()> {
        let intent = received.intent_id.clone();
        match payment.settle(received, self.clock.now()) {
            Settlement::Settled => self.announce(tx, payment).await,
            Settlement::Known => Ok(()),
            // Money that the books do not explain: nothing here may guess what to do with it.
            trouble @ (Settlement::PaidTwice | Settlement::Mismatch | Settlement::StillFailed) => {
                let payment_id: PaymentId = payment.id;
                let failure = payment.failure.as_deref().unwrap_or_default();
                tracing::error!(%payment_id, intent, ?trouble, failure, "money arrived that was not asked for");
                Ok(())
            }
        }
    }

    async fn announce(&self, tx: &mut Tx, payment: &Payment) -> anyhow::Result<()> {
        self.book(tx, &Booking::of_payment(payment.id, payment.amount))
            .await?;
        let event = PaymentSucceeded {
            payment_id: payment.id,
            order_id: payment.order_id,
            amount: payment.amount,
            paid_at: payment.paid_at.context("a settled payment has no time")?,
        };
        self.events.publish(tx, &event).await?;
        Ok(())
    }
}
