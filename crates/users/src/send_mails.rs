//! The mail jobs. None sends anything to a disabled account.
//!
//! A link's token is made here and not by the use case that asks for it: a payload is a row, and would keep the token in
//! the database. The hash is committed before the letter leaves, so that no link arrives that does not work yet. A job
//! that runs again mails another link; both work.

use anyhow::Context as _;
use chrono::TimeDelta;
use kernel::Token;
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;

use crate::db::accounts::Account;
use crate::db::links::{Link, Purpose};
use crate::emails::{self, Recipient};
use crate::jobs::{
    SendAlreadyRegistered, SendEmailChange, SendEmailChanged, SendPasswordChanged,
    SendPasswordReset, SendVerification,
};
use crate::{Users, db};

// The letters name these times.
const VERIFICATION_LIFETIME: TimeDelta = TimeDelta::hours(24);
const RESET_LIFETIME: TimeDelta = TimeDelta::minutes(15);
const EMAIL_CHANGE_LIFETIME: TimeDelta = TimeDelta::hours(24);

impl Users {
    /// Runs [`SendVerification`].
    #[instrument(name = "job.users.send_verification", skip_all)]
    pub async fn send_verification(self, run: JobRun, job: SendVerification) -> JobResult {
        let account = self.find_enabled(job.user_id).await?;
        if let Some(account) = account.filter(|account| account.email_verified_at.is_none()) {
            let link = link_of(&account);
            let token = self
                .mint(Purpose::VerifyEmail, &link, VERIFICATION_LIFETIME)
                .await?;
            let letter = emails::verification(&self.letterhead, &owner(&account), &token)?;
            self.mailer.send(&run, &letter).await?;
        }
        run.complete_alone().await
    }

    /// Runs [`SendAlreadyRegistered`].
    #[instrument(name = "job.users.send_already_registered", skip_all)]
    pub async fn send_already_registered(
        self,
        run: JobRun,
        job: SendAlreadyRegistered,
    ) -> JobResult {
        if let Some(account) = self.find_enabled(job.user_id).await? {
            let letter = emails::already_registered(&self.letterhead, &owner(&account))?;
            self.mailer.send(&run, &letter).await?;
        }
        run.complete_alone().await
    }

    /// Runs [`SendPasswordReset`]. Without such an account it does nothing: the request for an unknown address is queued
    /// like any other.
    #[instrument(name = "job.users.send_password_reset", skip_all)]
    pub async fn send_password_reset(self, run: JobRun, job: SendPasswordReset) -> JobResult {
        if let Some(account) = self.find_enabled(job.user_id).await? {
            let link = link_of(&account);
            let token = self
                .mint(Purpose::ResetPassword, &link, RESET_LIFETIME)
                .await?;
            let letter = emails::password_reset(&self.letterhead, &owner(&account), &token)?;
            self.mailer.send(&run, &letter).await?;
        }
        run.complete_alone().await
    }

    /// Runs [`SendPasswordChanged`].
    #[instrument(name = "job.users.send_password_changed", skip_all)]
    pub async fn send_password_changed(self, run: JobRun, job: SendPasswordChanged) -> JobResult {
        if let Some(account) = self.find_enabled(job.user_id).await? {
            let letter = emails::password_changed(&self.letterhead, &owner(&account))?;
            self.mailer.send(&run, &letter).await?;
        }
        run.complete_alone().await
    }

    /// Runs [`SendEmailChange`].
    #[instrument(name = "job.users.send_email_change", skip_all)]
    pub async fn send_email_change(self, run: JobRun, job: SendEmailChange) -> JobResult {
        if let Some(account) = self.find_enabled(job.user_id).await? {
            let link = Link {
                user_id: account.id,
                email: job.new_email,
            };
            let token = self
                .mint(Purpose::ChangeEmail, &link, EMAIL_CHANGE_LIFETIME)
                .await?;
            let to = Recipient {
                email: &link.email,
                name: &account.name,
            };
            let letter = emails::email_change(&self.letterhead, &to, &token)?;
            self.mailer.send(&run, &letter).await?;
        }
        run.complete_alone().await
    }

    /// Runs [`SendEmailChanged`].
    #[instrument(name = "job.users.send_email_changed", skip_all)]
    pub async fn send_email_changed(self, run: JobRun, job: SendEmailChanged) -> JobResult {
        if let Some(account) = self.find_enabled(job.user_id).await? {
            let to = Recipient {
                email: &job.old_email,
                name: &account.name,
            };
            let letter = emails::email_changed(&self.letterhead, &to)?;
            self.mailer.send(&run, &letter).await?;
        }
        run.complete_alone().await
    }

    /// A new token for `link`, whose hash is committed.
    async fn mint(
        &self,
        purpose: Purpose,
        link: &Link,
        lifetime: TimeDelta,
    ) -> anyhow::Result<Token> {
        let token = Token::generate(&self.entropy);
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        db::links::insert(&mut tx, token.hash(), purpose, link, now, now + lifetime).await?;
        tx.commit().await.context("commit mailed link")?;
        Ok(token)
    }
}

fn owner(account: &Account) -> Recipient<'_> {
    Recipient {
        email: &account.email,
        name: &account.name,
    }
}

fn link_of(account: &Account) -> Link {
    Link {
        user_id: account.id,
        email: account.email.clone(),
    }
}
