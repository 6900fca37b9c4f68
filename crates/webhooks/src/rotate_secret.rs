use anyhow::Context as _;
use kernel::{EndpointId, UserId};
use platform::db::Tx;
use tracing::instrument;

use crate::endpoint::Endpoint;
use crate::{Webhooks, db};

/// Why an endpoint has no other secret.
#[derive(Debug, thiserror::Error)]
pub enum RotateSecretError {
    /// There is none of this id, or it is somebody else's.
    #[error("there is no such endpoint")]
    NotFound,
    /// The secret before the present one still signs, and a third would leave its receivers without a valid signature.
    #[error("the secret was changed less than a day ago")]
    TooSoon,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Webhooks {
    /// Gives one of the person's endpoints another secret, in a transaction of its own.
    pub async fn rotate_secret(
        &self,
        user_id: UserId,
        id: EndpointId,
    ) -> Result<Endpoint, RotateSecretError> {
        let mut tx = self.db.begin().await?;
        let endpoint = self.rotate_secret_in_tx(&mut tx, user_id, id).await?;
        tx.commit().await.context("commit secret")?;
        Ok(endpoint)
    }

    /// Gives one of the person's endpoints another secret. The one before signs along for 24 hours.
    #[instrument(name = "webhooks.rotate_secret", skip_all)]
    pub async fn rotate_secret_in_tx(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        id: EndpointId,
    ) -> Result<Endpoint, RotateSecretError> {
        let endpoint = db::endpoints::lock_own(tx, user_id, id).await?;
        let mut endpoint = endpoint.ok_or(RotateSecretError::NotFound)?;
        let now = self.clock.now();
        if endpoint.signing_generations(now).count() > 1 {
            return Err(RotateSecretError::TooSoon);
        }
        endpoint.rotate_secret(now);
        db::endpoints::update(tx, &endpoint).await?;
        Ok(endpoint)
    }
}
