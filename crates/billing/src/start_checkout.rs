use anyhow::Context as _;
use chrono::TimeDelta;
use platform::db::Tx;
use platform::jobs::Enqueue;
use tracing::instrument;
use url::Url;

use crate::jobs::{CheckPayment, ExpireSession};
use crate::open_payment::OpenPayment;
use crate::payment::{Attempt, NextStep, Payment, PaymentStatus, Session};
use crate::provider::{self, ProviderError};
use crate::{Billing, db};

/// Where the provider sends the customer afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnUrls {
    /// After paying.
    pub success: Url,
    /// After turning back.
    pub cancel: Url,
}

/// The page on which the customer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Its address, at the provider.
    pub url: String,
}

/// Why there is no page to pay on.
#[derive(Debug, thiserror::Error)]
pub enum StartCheckoutError {
    /// The order's payment belongs to somebody else.
    #[error("there is no such payment")]
    NotFound,
    /// The payment is paid, refunded, failed or abandoned.
    #[error("a payment that is {0} cannot be paid")]
    NotPayable(PaymentStatus),
    /// The provider did not answer, or could not. Trying again later helps, and charges nothing twice.
    #[error("the payment provider is not available")]
    ProviderUnavailable(#[source] anyhow::Error),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl From<ProviderError> for StartCheckoutError {
    fn from(error: ProviderError) -> Self {
        if error.is_final() {
            Self::Unexpected(error.into())
        } else {
            Self::ProviderUnavailable(error.into())
        }
    }
}

impl Billing {
    /// Gets the customer to a page on which to pay. The payment is opened if that has not happened yet, because a person
    /// can be faster than the job that reacts to the order.
    ///
    /// # Errors
    /// See [`StartCheckoutError`].
    #[instrument(name = "billing.start_checkout", skip_all)]
    pub async fn start_checkout(
        &self,
        open: OpenPayment,
        return_to: ReturnUrls,
    ) -> Result<Checkout, StartCheckoutError> {
        let (mut payment, mut step) = self.prepare_checkout(&open).await?;
        if let NextStep::AskProvider(session) = &step {
            // The session has run out by our clock, and nobody has told us how it ended.
            let provider = self.provider.for_a_person();
            let standing = provider.session_standing(&session.id).await?;
            self.settle(standing).await?;
            (payment, step) = self.prepare_checkout(&open).await?;
        }
        match step {
            NextStep::OpenSession(attempt) => {
                let session = self.open_session(&payment, attempt, &return_to).await?;
                self.keep_session(&payment, attempt, session).await
            }
            // After asking, this says that the provider has the session still open, by a clock that is behind ours.
            NextStep::Reuse(session) | NextStep::AskProvider(session) => {
                Ok(Checkout { url: session.url })
            }
        }
    }

    /// Commits what is about to be done, before anything is done outside.
    async fn prepare_checkout(
        &self,
        open: &OpenPayment,
    ) -> Result<(Payment, NextStep), StartCheckoutError> {
        let mut tx = self.db.begin().await?;
        self.open_payment_in_tx(&mut tx, open.clone()).await?;
        let mut payment = db::payments::lock_of_order(&mut tx, open.order_id)
            .await
            .context("lock payment")?
            .filter(|payment| payment.user_id == open.user_id)
            .ok_or(StartCheckoutError::NotFound)?;
        let step = payment
            .next_step(self.clock.now())
            .map_err(|refused| StartCheckoutError::NotPayable(refused.0))?;
        if let NextStep::OpenSession(_) = step {
            db::payments::update(&mut tx, &payment)
                .await
                .context("update payment")?;
        }
        tx.commit().await.context("commit checkout attempt")?;
        Ok((payment, step))
    }

    async fn open_session(
        &self,
        payment: &Payment,
        attempt: Attempt,
        return_to: &ReturnUrls,
    ) -> Result<Session, ProviderError> {
        self.provider
            .for_a_person()
            .open_session(provider::OpenSession {
                payment_id: payment.id,
                attempt: attempt.number,
                order_number: &payment.order_number,
                amount: payment.amount,
                expires_at: attempt.expires_at,
                success_url: &return_to.success,
                cancel_url: &return_to.cancel,
            })
            .await
    }

    async fn keep_session(
        &self,
        payment: &Payment,
        attempt: Attempt,
        session: Session,
    ) -> Result<Checkout, StartCheckoutError> {
        let mut tx = self.db.begin().await?;
        let mut payment = db::payments::lock(&mut tx, payment.id)
            .await
            .context("lock payment")?
            .context("the payment is gone")?;
        let checkout = match payment.session_opened(attempt.number, session.clone()) {
            Ok(()) => {
                db::payments::update(&mut tx, &payment)
                    .await
                    .context("update payment")?;
                self.check_later(&mut tx, &payment, attempt).await?;
                Ok(Checkout { url: session.url })
            }
            // The order was cancelled during the call. Nobody may pay on the page that came of it.
            Err(refused) => {
                let close = ExpireSession {
                    session_id: session.id,
                };
                self.jobs.enqueue(&mut tx, &close).await?;
                Err(StartCheckoutError::NotPayable(refused.0))
            }
        };
        tx.commit().await.context("commit checkout session")?;
        checkout
    }

    /// A webhook can be late or lost, so the provider is asked twice: soon, and when the session is over.
    async fn check_later(
        &self,
        tx: &mut Tx,
        payment: &Payment,
        attempt: Attempt,
    ) -> anyhow::Result<()> {
        let soon = self.clock.now() + TimeDelta::minutes(5);
        let afterwards = attempt.expires_at + TimeDelta::minutes(1);
        for (name, run_at) in [("soon", soon), ("afterwards", afterwards)] {
            let how = Enqueue {
                // Two clicks open one session; it is checked on once.
                unique_key: Some(format!("{}-{}-{name}", payment.id, attempt.number)),
                run_at: Some(run_at),
                ..Enqueue::default()
            };
            let check = CheckPayment {
                payment_id: payment.id,
            };
            self.jobs.enqueue_with(tx, &check, how).await?;
        }
        Ok(())
    }
}
