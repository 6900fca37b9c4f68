//! The books compared with the provider's, every hour (requirement A13).
//!
//! From both sides: what the provider lists must be booked, and what is booked must be at the provider. What nobody has told
//! us is taken in as a webhook would be; what differs is written down for a person, once, and looked at again until it is
//! gone. Nothing is corrected here: money that the books do not explain is not for a program to explain.

mod examine;
mod lists;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use platform::jobs::{JobError, JobResult, JobRun};

use crate::jobs::Reconcile;
use crate::mismatch::{Concerns, Mismatch, MismatchKind};
use crate::provider::{ProviderError, Window};
use crate::{Billing, db};

/// What is younger may still be on its way: a webhook, its repetition, the check that follows five minutes after.
const GRACE: TimeDelta = TimeDelta::minutes(10);

/// The provider lists by when a charge was begun. A customer may take as long as a session lives, an hour, to pay it; so
/// what was begun before the last look is looked at again.
const LOOK_BACK: TimeDelta = TimeDelta::hours(2);

/// What is asked for at once, and lost of the work if the run ends in the middle of it.
const STRIDE: TimeDelta = TimeDelta::days(1);

/// How many strides one run takes, so that years of history do not keep one job busy for hours.
const MOST_STRIDES: usize = 31;

/// The provider's ids of what has to be looked at closely.
#[derive(Default)]
struct Suspects {
    charges: BTreeSet<String>,
    refunds: BTreeSet<String>,
}

impl Billing {
    /// Handles [`Reconcile`]. A run that is cut off is continued by the next one where it was: how far the lists have been
    /// compared, and what has been confirmed, stands in the database. No transaction is open during a call.
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn reconcile(self, run: JobRun, _: Reconcile) -> JobResult {
        let settled = self.clock.now() - GRACE;
        self.ask_about_overdue_sessions(settled).await?;
        self.compare_lists(settled).await?;
        let suspects = self.suspects(settled).await?;
        for intent_id in &suspects.charges {
            self.examine_charge(intent_id).await?;
        }
        for refund_id in &suspects.refunds {
            self.examine_refund(refund_id).await?;
        }
        self.sum_up_ledger().await?;
        run.complete_alone().await
    }

    /// A payment by bank debit takes days, and its news can be lost like any other.
    async fn ask_about_overdue_sessions(&self, before: DateTime<Utc>) -> Result<(), JobError> {
        let sessions = {
            let mut connection = self.db.acquire().await?;
            db::reconciliation::overdue_sessions(&mut connection, before)
                .await
                .context("list overdue sessions")?
        };
        for session_id in sessions {
            match self.provider.session_standing(&session_id).await {
                Ok(standing) => self.settle(standing).await?,
                // One session that cannot be looked at must not keep the books from being compared.
                Err(error @ ProviderError::Refused { .. }) => {
                    tracing::warn!(session_id, %error, "cannot look up an overdue session");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn compare_lists(&self, until: DateTime<Utc>) -> Result<(), JobError> {
        let compared = {
            let mut connection = self.db.acquire().await?;
            db::reconciliation::compared_until(&mut connection)
                .await
                .context("find where to go on")?
        };
        let Some(compared) = compared else {
            return Ok(());
        };
        for window in strides(compared, until) {
            self.compare_charges(window).await?;
            self.compare_refunds(window).await?;
            let mut connection = self.db.acquire().await?;
            db::reconciliation::set_compared_until(&mut connection, window.until)
                .await
                .context("note where to go on")?;
        }
        Ok(())
    }

    /// What is booked and not confirmed, and what differed the last time.
    async fn suspects(&self, before: DateTime<Utc>) -> anyhow::Result<Suspects> {
        let mut connection = self.db.acquire().await?;
        let charges = db::reconciliation::unconfirmed_charges(&mut connection, before)
            .await
            .context("list unconfirmed charges")?;
        let refunds = db::reconciliation::unconfirmed_refunds(&mut connection, before)
            .await
            .context("list unconfirmed refunds")?;
        let mut suspects = Suspects {
            charges: charges.into_iter().collect(),
            refunds: refunds.into_iter().collect(),
        };
        let open = db::mismatches::list_open(&mut connection)
            .await
            .context("list open mismatches")?;
        for Mismatch { kind, subject, .. } in open {
            match kind.concerns() {
                Concerns::Charge => suspects.charges.insert(subject),
                Concerns::Refund => suspects.refunds.insert(subject),
                Concerns::Ledger => false,
            };
        }
        Ok(suspects)
    }

    /// The database lets no transaction commit that does not sum to zero. This finds what was done behind its back.
    async fn sum_up_ledger(&self) -> anyhow::Result<()> {
        let mut sums = BTreeMap::<_, i64>::new();
        for account in self.ledger_balance().await? {
            *sums.entry(account.balance.currency().code()).or_default() += account.balance.minor();
        }
        for (currency, sum) in sums {
            if sum == 0 {
                self.resolve(currency).await?;
                continue;
            }
            self.record(Mismatch {
                kind: MismatchKind::Unbalanced,
                subject: currency.to_owned(),
                ours: Some(format!("the accounts sum to {sum} (minor units)")),
                theirs: None,
                first_seen_at: self.clock.now(),
            })
            .await?;
        }
        Ok(())
    }
}

/// The windows from shortly before `compared` until `until`, as many as one run takes.
fn strides(compared: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = Window> {
    let mut from = compared - LOOK_BACK;
    std::iter::from_fn(move || {
        let window = Window {
            from,
            until: until.min(from + STRIDE),
        };
        from = window.until;
        (window.from < window.until).then_some(window)
    })
    .take(MOST_STRIDES)
}
