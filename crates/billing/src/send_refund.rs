use std::time::Duration;

use anyhow::Context as _;
use kernel::{Money, RefundId};
use platform::db::Tx;
use platform::jobs::{JobError, JobResult, JobRun};

use crate::events::{PaymentPartlyRefunded, PaymentRefunded};
use crate::jobs::SendRefund;
use crate::ledger::Booking;
use crate::payment::Payment;
use crate::provider::{self, ProviderError, RefundReply, RefundState};
use crate::refund::{self, Refund, RefundStatus};
use crate::{Billing, db};

/// Some banks take days. A webhook will tell; this is how often we ask in case it is lost.
const ASK_AGAIN: Duration = Duration::from_hours(1);

impl Billing {
    /// Handles [`SendRefund`]: asks the provider once, under the refund's id as key, and then until the refund has ended.
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn send_refund(self, run: JobRun, job: SendRefund) -> JobResult {
        let (payment, refund) = self.get_refund(job.refund_id).await?;
        if refund.status != RefundStatus::Requested {
            return run.complete_alone().await;
        }
        let reply = match self.ask_provider(&payment, &refund).await {
            Err(refused @ ProviderError::Refused { .. }) => {
                let mut tx = run.begin().await?;
                self.fail_refund_in_tx(&mut tx, refund.id, refused.to_string())
                    .await?;
                return run.complete(tx).await;
            }
            reply => reply?,
        };
        let mut tx = run.begin().await?;
        self.apply_refund_in_tx(&mut tx, refund.id, &reply).await?;
        if reply.status == RefundState::Pending {
            tx.commit().await.context("commit refund's id")?;
            return Err(JobError::Snooze(ASK_AGAIN));
        }
        run.complete(tx).await
    }

    async fn ask_provider(
        &self,
        payment: &Payment,
        refund: &Refund,
    ) -> Result<RefundReply, ProviderError> {
        if let Some(known) = &refund.provider_refund_id {
            return self.provider.refund(known).await;
        }
        let intent_id = payment.intent_id.as_deref().unwrap_or_default();
        self.provider
            .send_refund(provider::SendRefund {
                refund_id: refund.id,
                intent_id,
                amount: refund.amount,
            })
            .await
    }

    /// Brings a refund in line with what the provider says about it. Saying it twice changes nothing more.
    pub(crate) async fn apply_refund_in_tx(
        &self,
        tx: &mut Tx,
        id: RefundId,
        reply: &RefundReply,
    ) -> anyhow::Result<()> {
        match reply.status {
            RefundState::Failed | RefundState::Canceled => {
                let failure = reply.failure_reason.as_deref().unwrap_or("canceled");
                return self.fail_refund_in_tx(tx, id, failure.to_owned()).await;
            }
            RefundState::Succeeded | RefundState::Pending => {}
        }
        let Some((mut payment, mut refund)) = lock(tx, id).await? else {
            tracing::warn!(refund_id = %id, "the provider knows a refund that we do not");
            return Ok(());
        };
        refund.provider_refund_id = Some(reply.id.clone());
        let done = reply.status == RefundState::Succeeded && refund.succeed();
        db::refunds::update(tx, &refund)
            .await
            .context("update refund")?;
        if done {
            self.finish_refund(tx, &mut payment, &refund).await?;
        }
        Ok(())
    }

    async fn finish_refund(
        &self,
        tx: &mut Tx,
        payment: &mut Payment,
        refund: &Refund,
    ) -> anyhow::Result<()> {
        self.book(tx, &Booking::of_refund(refund.id, refund.amount))
            .await?;
        let refunds = db::refunds::list_of_payment(tx, payment.id)
            .await
            .context("list refunds")?;
        let returned = Money::new(refund::returned(&refunds), payment.amount.currency());
        if returned == payment.amount {
            payment.refund().context("refund payment")?;
            db::payments::update(tx, payment)
                .await
                .context("update payment")?;
            let event = PaymentRefunded {
                payment_id: payment.id,
                order_id: payment.order_id,
                refund_id: refund.id,
                amount: refund.amount,
            };
            self.events.publish(tx, &event).await?;
        } else {
            let event = PaymentPartlyRefunded {
                payment_id: payment.id,
                order_id: payment.order_id,
                refund_id: refund.id,
                amount: refund.amount,
                returned,
            };
            self.events.publish(tx, &event).await?;
        }
        self.issue_credit_note_in_tx(tx, payment, refund).await
    }

    async fn fail_refund_in_tx(
        &self,
        tx: &mut Tx,
        id: RefundId,
        failure: String,
    ) -> anyhow::Result<()> {
        let Some((payment, mut refund)) = lock(tx, id).await? else {
            return Ok(());
        };
        let (payment_id, known) = (payment.id, refund.status);
        if refund.fail(failure.clone()) || known == RefundStatus::Succeeded {
            // The customer does not get their money this way: a person has to find another.
            tracing::error!(refund_id = %id, %payment_id, %known, failure, "a refund has failed");
        }
        db::refunds::update(tx, &refund)
            .await
            .context("update refund")
    }

    async fn get_refund(&self, id: RefundId) -> anyhow::Result<(Payment, Refund)> {
        let mut connection = self.db.acquire().await?;
        let refund = db::refunds::find(&mut connection, id)
            .await
            .context("find refund")?
            .context("there is no such refund")?;
        let payment = db::payments::find(&mut connection, refund.payment_id)
            .await
            .context("find payment")?
            .context("there is no such payment")?;
        Ok((payment, refund))
    }
}

/// A refund and its payment, whose lock keeps others from changing either.
async fn lock(tx: &mut Tx, id: RefundId) -> anyhow::Result<Option<(Payment, Refund)>> {
    let Some(unlocked) = db::refunds::find(tx, id).await.context("find refund")? else {
        return Ok(None);
    };
    let payment = db::payments::lock(tx, unlocked.payment_id)
        .await
        .context("lock payment")?;
    // Read once more: it may have changed while this transaction waited for the lock.
    let refund = db::refunds::find(tx, id)
        .await
        .context("find refund again")?;
    Ok(payment.zip(refund))
}
