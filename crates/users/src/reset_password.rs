use anyhow::Context as _;
use kernel::{EmailAddress, Token, UserId};
use secrecy::SecretString;
use tracing::instrument;

use crate::db::accounts::Account;
use crate::db::links::Purpose;
use crate::hashing::Overloaded;
use crate::jobs::SendPasswordReset;
use crate::password::PasswordFault;
use crate::{Users, db};

/// Why the password was not reset.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The link is unknown, used, too old, or was sent to a mailbox that is not the account's any more.
    #[error("this link does not work any more")]
    InvalidLink,
    /// The new password is refused. The link still works.
    #[error(transparent)]
    WeakPassword(#[from] PasswordFault),
    /// Too many passwords are being checked; trying again in a moment helps.
    #[error("too many passwords are being checked right now")]
    Overloaded,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Has the owner of the address mailed a link that sets a new password, if the address has an account.
    #[instrument(name = "users.request_password_reset", skip_all)]
    pub async fn request_password_reset(&self, email: &EmailAddress) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let account = db::accounts::find_by_email(&mut tx, email).await?;
        // Without an account the job names nobody and sends nothing. Written it is all the same: the missing write could
        // be measured.
        let user_id = account.filter(Account::is_enabled).map_or_else(
            || UserId::generate(&self.clock, &self.entropy),
            |account| account.id,
        );
        let job = SendPasswordReset { user_id };
        self.jobs.enqueue(&mut tx, &job).await?;
        tx.commit()
            .await
            .context("commit request for a password reset")
    }

    /// Sets a new password for whoever has the link. Ends every session and token from before; signs nobody in.
    #[instrument(name = "users.reset_password", skip_all)]
    pub async fn reset_password(
        &self,
        token: &Token,
        password: &SecretString,
    ) -> Result<(), ResetPasswordError> {
        // Hashing comes before the transaction, and for a working link alone: others must not make the server hash.
        let account = self.account_to_reset(token).await?;
        let account = account.ok_or(ResetPasswordError::InvalidLink)?;
        let hash = self
            .hash_for(&account, password)
            .await
            .map_err(|Overloaded| ResetPasswordError::Overloaded)??;

        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        let link = db::links::take(&mut tx, token.hash(), Purpose::ResetPassword, now).await?;
        let link = link.ok_or(ResetPasswordError::InvalidLink)?;
        if !self.record_mailbox_read(&mut tx, &link).await? {
            return Err(ResetPasswordError::InvalidLink);
        }
        self.record_password(&mut tx, link.user_id, &hash).await?;
        tx.commit().await.context("commit password reset")?;
        Ok(())
    }

    async fn account_to_reset(&self, token: &Token) -> anyhow::Result<Option<Account>> {
        let mut connection = self.db.acquire().await?;
        let (hash, now) = (token.hash(), self.clock.now());
        let Some(link) =
            db::links::find(&mut connection, hash, Purpose::ResetPassword, now).await?
        else {
            return Ok(None);
        };
        let account = db::accounts::find(&mut connection, link.user_id).await?;
        Ok(account.filter(Account::is_enabled))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use platform::testing::TestPlatform;

    use super::*;
    use crate::events::{EmailVerified, PasswordChanged};
    use crate::jobs::SendPasswordChanged;
    use crate::testing::{PASSWORD, an_address, mailed_token, start};

    const NEW_PASSWORD: &str = "copper-meadow-jigsaw-31";

    async fn run_jobs(platform: &TestPlatform, users: &Users) {
        for job in platform.jobs_of::<SendPasswordReset>().await {
            let send = async |run, job| users.clone().send_password_reset(run, job).await;
            platform.run_job(send, job).await.unwrap();
        }
    }

    async fn a_mailed_link(platform: &TestPlatform, users: &Users, local: &str) -> Token {
        let email = an_address(local);
        users.request_password_reset(&email).await.unwrap();
        run_jobs(platform, users).await;
        mailed_token(platform, "reset-password")
    }

    async fn reset(users: &Users, token: &Token, password: &str) -> Result<(), ResetPasswordError> {
        let password = SecretString::from(password);
        users.reset_password(token, &password).await
    }

    #[tokio::test]
    async fn the_mailed_link_sets_a_new_password_and_ends_what_was_signed_in() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let email = an_address("ann");
        let before = users.sign_in(&email, &PASSWORD.into()).await.unwrap();
        let older = a_mailed_link(&platform, &users, "ann").await;
        let token = a_mailed_link(&platform, &users, "ann").await;

        reset(&users, &token, NEW_PASSWORD).await.unwrap();

        assert!(users.sign_in(&email, &PASSWORD.into()).await.is_err());
        users.sign_in(&email, &NEW_PASSWORD.into()).await.unwrap();
        let session = users.find_for_session(ann, before.session_generation).await;
        assert_eq!(session.unwrap(), None);
        let event = PasswordChanged { user_id: ann };
        assert_eq!(platform.published::<PasswordChanged>().await, [event]);
        let notice = SendPasswordChanged { user_id: ann };
        assert_eq!(platform.jobs_of::<SendPasswordChanged>().await, [notice]);
        for used_up in [token, older] {
            let again = reset(&users, &used_up, NEW_PASSWORD).await;
            assert!(matches!(again, Err(ResetPasswordError::InvalidLink)));
        }
    }

    #[tokio::test]
    async fn a_refused_password_leaves_the_link_working() {
        let (platform, users) = start().await;
        users.a_customer("ann").await;
        let token = a_mailed_link(&platform, &users, "ann").await;
        let refused = reset(&users, &token, "short").await;
        assert!(matches!(refused, Err(ResetPasswordError::WeakPassword(_))));
        reset(&users, &token, NEW_PASSWORD).await.unwrap();
    }

    #[tokio::test]
    async fn the_link_works_for_a_quarter_of_an_hour() {
        let (platform, users) = start().await;
        users.a_customer("ann").await;
        let token = a_mailed_link(&platform, &users, "ann").await;
        platform.clock.advance(TimeDelta::minutes(15));
        let late = reset(&users, &token, NEW_PASSWORD).await;
        assert!(matches!(late, Err(ResetPasswordError::InvalidLink)));
    }

    #[tokio::test]
    async fn a_reset_proves_the_mailbox() {
        let (platform, users) = start().await;
        let ann = users.a_newcomer("ann").await;
        let token = a_mailed_link(&platform, &users, "ann").await;
        reset(&users, &token, NEW_PASSWORD).await.unwrap();
        assert!(users.profile(ann).await.unwrap().email_verified);
        assert_eq!(platform.published::<EmailVerified>().await.len(), 1);
    }

    #[tokio::test]
    async fn an_address_without_an_account_is_treated_the_same_and_gets_no_mail() {
        let (platform, users) = start().await;
        let nobody = an_address("nobody");
        users.request_password_reset(&nobody).await.unwrap();
        assert_eq!(platform.jobs_of::<SendPasswordReset>().await.len(), 1);
        run_jobs(&platform, &users).await;
        assert!(platform.sent_mail().is_empty());
    }
}
