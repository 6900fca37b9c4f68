use anyhow::Context as _;
use kernel::{Token, UserId};
use platform::db::Tx;
use tracing::instrument;

use crate::db::accounts::Account;
use crate::db::links::{Link, Purpose};
use crate::events::EmailVerified;
use crate::jobs::SendVerification;
use crate::{Users, db};

/// Why a mailed link did nothing.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It is unknown, used, too old, was sent to a mailbox that is not the account's any more, or its account is disabled.
    #[error("this link does not work any more")]
    InvalidLink,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Has the person mailed a link that verifies their address, unless it is verified.
    #[instrument(name = "users.request_verification", skip_all)]
    pub async fn request_verification(&self, user_id: UserId) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let job = SendVerification { user_id };
        self.jobs.enqueue(&mut tx, &job).await?;
        tx.commit().await.context("commit request for verification")
    }

    /// Verifies the address that the link was sent to.
    #[instrument(name = "users.verify_email", skip_all)]
    pub async fn verify_email(&self, token: &Token) -> Result<(), LinkError> {
        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        let link = db::links::take(&mut tx, token.hash(), Purpose::VerifyEmail, now).await?;
        let link = link.ok_or(LinkError::InvalidLink)?;
        if !self.record_mailbox_read(&mut tx, &link).await? {
            return Err(LinkError::InvalidLink);
        }
        tx.commit().await.context("commit verification")?;
        Ok(())
    }

    /// Notes that the person reads the mailbox that `link` was sent to; `false` if it is not theirs any more, or
    /// their account is disabled.
    pub(crate) async fn record_mailbox_read(
        &self,
        tx: &mut Tx,
        link: &Link,
    ) -> anyhow::Result<bool> {
        let account = db::accounts::find(tx, link.user_id).await?;
        let Some(account) = account.filter(Account::is_enabled) else {
            return Ok(false);
        };
        // The comparison is the UPDATE's, which sees a change of address that was committed just now.
        let now = self.clock.now();
        if !db::accounts::set_email_verified(tx, link.user_id, &link.email, now).await? {
            return Ok(false);
        }
        if account.email_verified_at.is_none() {
            let event = EmailVerified {
                user_id: account.id,
                email: account.email,
            };
            self.events.publish(tx, &event).await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use platform::testing::TestPlatform;

    use super::*;
    use crate::ResetPasswordError;
    use crate::testing::{PASSWORD, an_address, mailed_token, start};

    async fn a_mailed_link(platform: &TestPlatform, users: &Users, user_id: UserId) -> Token {
        users.request_verification(user_id).await.unwrap();
        let send = async |run, job| users.clone().send_verification(run, job).await;
        let job = SendVerification { user_id };
        platform.run_job(send, job).await.unwrap();
        mailed_token(platform, "verify-email")
    }

    async fn is_verified(users: &Users, user_id: UserId) -> bool {
        let profile = users.profile(user_id).await.unwrap();
        profile.email_verified
    }

    #[tokio::test]
    async fn the_mailed_link_verifies_the_address_once() {
        let (platform, users) = start().await;
        let ann = users.a_newcomer("ann").await;
        let token = a_mailed_link(&platform, &users, ann).await;

        users.verify_email(&token).await.unwrap();

        assert!(is_verified(&users, ann).await);
        let event = EmailVerified {
            user_id: ann,
            email: an_address("ann"),
        };
        assert_eq!(platform.published::<EmailVerified>().await, [event]);
        let again = users.verify_email(&token).await;
        assert!(matches!(again, Err(LinkError::InvalidLink)));
    }

    #[tokio::test]
    async fn the_link_works_for_a_day() {
        let (platform, users) = start().await;
        let ann = users.a_newcomer("ann").await;
        let token = a_mailed_link(&platform, &users, ann).await;

        platform.clock.advance(TimeDelta::hours(24));

        let late = users.verify_email(&token).await;
        assert!(matches!(late, Err(LinkError::InvalidLink)));
        assert!(!is_verified(&users, ann).await);
    }

    #[tokio::test]
    async fn a_link_sent_to_a_former_address_does_not_verify_the_present_one() {
        let (platform, users) = start().await;
        let ann = users.a_newcomer("ann").await;
        let token = a_mailed_link(&platform, &users, ann).await;
        let mut connection = platform.db.acquire().await.unwrap();
        let (elsewhere, now) = (an_address("elsewhere"), platform.clock.now());
        let moved = db::accounts::set_email(&mut connection, ann, &elsewhere, None, now).await;
        assert!(moved.unwrap());

        let verified = users.verify_email(&token).await;

        assert!(matches!(verified, Err(LinkError::InvalidLink)));
        assert!(!is_verified(&users, ann).await);
    }

    #[tokio::test]
    async fn the_links_of_a_disabled_account_do_nothing() {
        let (platform, users) = start().await;
        let user_id = users.a_disabled_customer("bob").await;
        let link = Link {
            user_id,
            email: an_address("bob"),
        };
        let mailed = async |purpose| {
            let (token, now) = (Token::generate(&users.entropy), platform.clock.now());
            let (hash, until) = (token.hash(), now + TimeDelta::hours(1));
            let mut connection = platform.db.acquire().await.unwrap();
            let kept = db::links::insert(&mut connection, hash, purpose, &link, now, until);
            kept.await.unwrap();
            token
        };

        let token = mailed(Purpose::VerifyEmail).await;
        let verified = users.verify_email(&token).await;
        assert!(matches!(verified, Err(LinkError::InvalidLink)));

        let token = mailed(Purpose::ChangeEmail).await;
        let moved = users.confirm_email_change(&token).await;
        assert!(matches!(moved, Err(LinkError::InvalidLink)));

        let (token, password) = (mailed(Purpose::ResetPassword).await, PASSWORD.into());
        let reset = users.reset_password(&token, &password).await;
        assert!(matches!(reset, Err(ResetPasswordError::InvalidLink)));
    }

    #[tokio::test]
    async fn a_link_of_another_purpose_verifies_nothing() {
        let (platform, users) = start().await;
        let ann = users.a_newcomer("ann").await;
        let token = a_mailed_link(&platform, &users, ann).await;
        let mut connection = platform.db.acquire().await.unwrap();
        let now = platform.clock.now();
        let found =
            db::links::find(&mut connection, token.hash(), Purpose::ResetPassword, now).await;
        assert!(found.unwrap().is_none());
    }
}
