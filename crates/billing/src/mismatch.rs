//! Where our books and the provider's tell of different money.

use std::fmt;
use std::str::FromStr;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use tracing::instrument;

use crate::{Billing, UnknownName, db};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MismatchKind {
    /// The provider has charged for a payment that we do not have.
    UnknownCharge,
    /// The provider has charged for a payment for which other money had arrived before.
    ChargedTwice,
    /// The provider has charged another amount, or in another currency, than the payment says.
    AmountDiffers,
    /// The payment is booked, and the provider has not charged.
    NotCharged,
    /// The provider has given back money of ours by a refund that we do not have.
    UnknownRefund,
    /// The provider's refund is of another amount, or in another currency, than ours.
    RefundDiffers,
    /// The refund is booked, and the provider has not given the money back.
    NotRefunded,
    /// The ledger's accounts do not sum to zero.
    Unbalanced,
}

/// What a mismatch is about, and so where to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concerns {
    Charge,
    Refund,
    Ledger,
}

impl MismatchKind {
    const ALL: [Self; 8] = [
        Self::UnknownCharge,
        Self::ChargedTwice,
        Self::AmountDiffers,
        Self::NotCharged,
        Self::UnknownRefund,
        Self::RefundDiffers,
        Self::NotRefunded,
        Self::Unbalanced,
    ];

    /// The name under which databases, metrics and people know it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownCharge => "unknown_charge",
            Self::ChargedTwice => "charged_twice",
            Self::AmountDiffers => "amount_differs",
            Self::NotCharged => "not_charged",
            Self::UnknownRefund => "unknown_refund",
            Self::RefundDiffers => "refund_differs",
            Self::NotRefunded => "not_refunded",
            Self::Unbalanced => "unbalanced",
        }
    }

    pub(crate) const fn concerns(self) -> Concerns {
        match self {
            Self::UnknownCharge | Self::ChargedTwice | Self::AmountDiffers | Self::NotCharged => {
                Concerns::Charge
            }
            Self::UnknownRefund | Self::RefundDiffers | Self::NotRefunded => Concerns::Refund,
            Self::Unbalanced => Concerns::Ledger,
        }
    }
}

impl fmt::Display for MismatchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Not fuzzed: what our own rows hold.
impl FromStr for MismatchKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or(UnknownName)
    }
}

/// One thing that the two books tell differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What is wrong.
    pub kind: MismatchKind,
    /// The provider's id of the charge or refund; for the ledger, its currency.
    pub subject: String,
    /// What we say, if anything.
    pub ours: Option<String>,
    /// What the provider says, if anything.
    pub theirs: Option<String>,
    /// When it was found.
    pub first_seen_at: DateTime<Utc>,
}

impl Billing {
    /// The mismatches that are open, the oldest first, at most 1,000: a person has to look at each.
    ///
    /// # Errors
    /// If the database cannot be reached.
    #[instrument(name = "billing.list_mismatches", skip_all)]
    pub async fn list_mismatches(&self) -> anyhow::Result<Vec<Mismatch>> {
        let mut connection = self.db.acquire().await?;
        db::mismatches::list_open(&mut connection)
            .await
            .context("list mismatches")
    }

    /// How many mismatches are open, for the gauge that raises the alarm.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn count_mismatches(&self) -> anyhow::Result<i64> {
        let mut connection = self.db.acquire().await?;
        db::mismatches::count_open(&mut connection)
            .await
            .context("count mismatches")
    }

    /// Writes a mismatch down, and raises the alarm if it is new.
    pub(crate) async fn record(&self, mismatch: Mismatch) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let is_news = db::mismatches::record(&mut tx, &mismatch)
            .await
            .context("record mismatch")?;
        tx.commit().await.context("commit mismatch")?;
        if is_news {
            let Mismatch {
                kind,
                subject,
                ours,
                theirs,
                ..
            } = mismatch;
            metrics::counter!("billing_mismatches_found_total", "kind" => kind.as_str())
                .increment(1);
            tracing::error!(subject, %kind, ours, theirs, "our books and the provider's differ");
        }
        Ok(())
    }

    /// Notes that a subject's mismatch is gone, if there was one.
    pub(crate) async fn resolve(&self, subject: &str) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let resolved = db::mismatches::resolve(&mut tx, subject, self.clock.now())
            .await
            .context("resolve mismatch")?;
        tx.commit().await.context("commit resolution")?;
        if resolved {
            tracing::info!(subject, "our books and the provider's agree again");
        }
        Ok(())
    }
}
