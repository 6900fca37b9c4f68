use anyhow::Context as _;
use kernel::PaymentId;
use tracing::instrument;

use crate::payment::{Payment, PaymentStatus};
use crate::provider::ProviderError;
use crate::{Billing, db};

/// Why it is unknown whether a payment has been made.
#[derive(Debug, thiserror::Error)]
pub enum CheckPaymentError {
    /// There is no such payment.
    #[error("there is no such payment")]
    NotFound,
    /// The provider did not answer, or could not.
    #[error("the payment provider is not available")]
    ProviderUnavailable(#[source] anyhow::Error),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl From<ProviderError> for CheckPaymentError {
    fn from(error: ProviderError) -> Self {
        if error.is_final() {
            Self::Unexpected(error.into())
        } else {
            Self::ProviderUnavailable(error.into())
        }
    }
}

impl Billing {
    /// Asks the provider about a payment that waits for the customer, in case its webhook is late or lost, and returns
    /// where the payment stands then.
    ///
    /// # Errors
    /// See [`CheckPaymentError`].
    #[instrument(name = "billing.check_payment", skip_all)]
    pub async fn check_payment(&self, id: PaymentId) -> Result<PaymentStatus, CheckPaymentError> {
        let payment = self.get_payment(id).await?;
        let (PaymentStatus::Pending, Some(session)) = (payment.status, payment.session) else {
            return Ok(payment.status);
        };
        let standing = self.provider.session_standing(&session.id).await?;
        self.settle(standing).await?;
        Ok(self.get_payment(id).await?.status)
    }

    async fn get_payment(&self, id: PaymentId) -> Result<Payment, CheckPaymentError> {
        let mut connection = self.db.acquire().await?;
        db::payments::find(&mut connection, id)
            .await
            .context("find payment")?
            .ok_or(CheckPaymentError::NotFound)
    }
}
