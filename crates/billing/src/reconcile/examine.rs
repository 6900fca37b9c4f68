//! One charge or refund, looked at closely: what is news is taken in, what differs is written down.

use anyhow::Context as _;
use platform::jobs::JobError;

use super::verdict::{self, Verdict};
use crate::mismatch::Mismatch;
use crate::payment::Payment;
use crate::provider::{ProviderError, RefundReply, Standing, State};
use crate::refund::Refund;
use crate::{Billing, db};

/// A charge in both books.
struct ChargeSides {
    ours: Option<Payment>,
    theirs: Option<Standing>,
}

/// A refund in both books.
struct RefundSides {
    ours: Option<Refund>,
    theirs: Option<RefundReply>,
    is_of_our_charge: bool,
}

/// What each side says, for a person.
struct Told {
    ours: Option<String>,
    theirs: Option<String>,
}

impl Billing {
    pub(super) async fn examine_charge(&self, intent_id: &str) -> Result<(), JobError> {
        let mut sides = self.both_sides_of_charge(intent_id).await?;
        let mut verdict = verdict::of_charge(intent_id, sides.ours.as_ref(), sides.theirs.as_ref());
        if let (Verdict::News, Some(standing)) = (verdict, &sides.theirs) {
            tracing::warn!(intent_id, "a charge was news: its webhook has not come");
            self.settle(standing.clone()).await?;
            // It may be less or more than was asked for.
            sides = self.both_sides_of_charge(intent_id).await?;
            verdict = verdict::of_charge(intent_id, sides.ours.as_ref(), sides.theirs.as_ref());
        }
        if verdict == Verdict::Agrees {
            self.confirm_charges(&[intent_id.to_owned()]).await?;
        }
        Ok(self.note(intent_id, verdict, sides.tell()).await?)
    }

    pub(super) async fn examine_refund(&self, refund_id: &str) -> Result<(), JobError> {
        let mut sides = self.both_sides_of_refund(refund_id).await?;
        let mut verdict = sides.verdict();
        if let (Verdict::News, Some(refund), Some(reply)) = (verdict, &sides.ours, &sides.theirs) {
            tracing::warn!(refund_id, "a refund was news: its webhook has not come");
            let mut tx = self.db.begin().await?;
            self.apply_refund_in_tx(&mut tx, refund.id, reply).await?;
            tx.commit().await.context("commit refund")?;
            sides = self.both_sides_of_refund(refund_id).await?;
            verdict = sides.verdict();
        }
        if verdict == Verdict::Agrees {
            self.confirm_refunds(&[refund_id.to_owned()]).await?;
        }
        Ok(self.note(refund_id, verdict, sides.tell()).await?)
    }

    /// Ours is read first: what is booked before the provider is asked must be there. The payment that a charge names is
    /// read afterwards, and only if the charge is paid, which is final.
    async fn both_sides_of_charge(&self, intent_id: &str) -> Result<ChargeSides, JobError> {
        let mut ours = {
            let mut connection = self.db.acquire().await?;
            db::payments::find_of_intent(&mut connection, intent_id)
                .await
                .context("find payment of charge")?
        };
        let theirs = ProviderError::found(self.provider.intent_standing(intent_id).await)?;
        if ours.is_none()
            && let Some(standing) = &theirs
            && let (Some(named), State::Paid(_)) = (standing.payment_id, &standing.state)
        {
            let mut connection = self.db.acquire().await?;
            ours = db::payments::find(&mut connection, named)
                .await
                .context("find payment")?;
        }
        Ok(ChargeSides { ours, theirs })
    }

    /// As [`Billing::both_sides_of_charge`]; but no state of a refund is final, so the provider is asked again if the
    /// refund that it names has heard of it in between.
    async fn both_sides_of_refund(&self, refund_id: &str) -> Result<RefundSides, JobError> {
        let mut ours = {
            let mut connection = self.db.acquire().await?;
            db::refunds::find_of_provider(&mut connection, refund_id)
                .await
                .context("find refund")?
        };
        let mut theirs = ProviderError::found(self.provider.refund(refund_id).await)?;
        let mut is_of_our_charge = ours.is_some();
        if let (None, Some(reply)) = (&ours, &theirs) {
            let mut connection = self.db.acquire().await?;
            is_of_our_charge = is_of_our_charge_in(&mut connection, reply).await?;
            if let Some(named) = reply.refund_id() {
                ours = db::refunds::find(&mut connection, named)
                    .await
                    .context("find named refund")?;
            }
            drop(connection);
            if ours
                .as_ref()
                .is_some_and(|it| it.provider_refund_id.is_some())
            {
                theirs = ProviderError::found(self.provider.refund(refund_id).await)?;
            }
        }
        Ok(RefundSides {
            ours,
            theirs,
            is_of_our_charge,
        })
    }

    /// Writes down what `subject` comes to: a mismatch, or that there is none any more.
    async fn note(&self, subject: &str, verdict: Verdict, told: Told) -> anyhow::Result<()> {
        let Verdict::Differs(kind) = verdict else {
            return self.resolve(subject).await;
        };
        self.record(Mismatch {
            kind,
            subject: subject.to_owned(),
            ours: told.ours,
            theirs: told.theirs,
            first_seen_at: self.clock.now(),
        })
        .await
    }
}

async fn is_of_our_charge_in(
    connection: &mut sqlx::PgConnection,
    reply: &RefundReply,
) -> anyhow::Result<bool> {
    let Some(intent_id) = &reply.payment_intent else {
        return Ok(false);
    };
    let payment = db::payments::find_of_intent(connection, intent_id)
        .await
        .context("find payment of refund")?;
    Ok(payment.is_some())
}

impl ChargeSides {
    fn tell(&self) -> Told {
        let payment = self.ours.as_ref();
        Told {
            ours: payment
                .map(|it| format!("{} of order {}: {}", it.amount, it.order_number, it.status)),
            theirs: self.theirs.as_ref().map(|standing| match &standing.state {
                State::Paid(received) => format!("{} {}", received.minor, received.currency),
                State::Waiting | State::Ended { .. } => "not paid".to_owned(),
            }),
        }
    }
}

impl RefundSides {
    fn verdict(&self) -> Verdict {
        verdict::of_refund(
            self.ours.as_ref(),
            self.theirs.as_ref(),
            self.is_of_our_charge,
        )
    }

    fn tell(&self) -> Told {
        let refund = self.ours.as_ref();
        Told {
            ours: refund
                .map(|it| format!("{} of payment {}: {}", it.amount, it.payment_id, it.status)),
            theirs: self.theirs.as_ref().map(|it| {
                format!("{} {}: {:?}", it.amount, it.currency, it.status).to_ascii_lowercase()
            }),
        }
    }
}
