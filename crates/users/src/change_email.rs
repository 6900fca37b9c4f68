use anyhow::Context as _;
use kernel::{EmailAddress, Token, UserId};
use secrecy::SecretString;
use tracing::instrument;

use crate::db::accounts::Account;
use crate::db::links::Purpose;
use crate::events::EmailChanged;
use crate::hashing::Overloaded;
use crate::jobs::{SendAlreadyRegistered, SendEmailChange, SendEmailChanged};
use crate::verify_email::LinkError;
use crate::{Users, db};

/// A person's wish to be written to elsewhere.
#[derive(Debug)]
pub struct ChangeEmail {
    /// Theirs, so that an unlocked screen is not enough to take the account over.
    pub password: SecretString,
    /// Where they want to be written to.
    pub new_email: EmailAddress,
}

/// Why the change of address was not begun.
#[derive(Debug, thiserror::Error)]
pub enum ChangeEmailError {
    /// The password is another one.
    #[error("this is not your password")]
    WrongPassword,
    /// Too many passwords are being checked; trying again in a moment helps.
    #[error("too many passwords are being checked right now")]
    Overloaded,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Has a link mailed to the new address; the account moves once it is opened. If the address has an account already,
    /// that one's owner is told, and the person asking cannot see the difference.
    #[instrument(name = "users.request_email_change", skip_all)]
    pub async fn request_email_change(
        &self,
        user_id: UserId,
        command: ChangeEmail,
    ) -> Result<(), ChangeEmailError> {
        self.check_password(user_id, &command.password).await?;

        let mut tx = self.db.begin().await?;
        let new_email = command.new_email;
        match db::accounts::find_by_email(&mut tx, &new_email).await? {
            // Their own address in other letters is theirs to correct.
            Some(owner) if owner.id != user_id => {
                let job = SendAlreadyRegistered { user_id: owner.id };
                self.jobs.enqueue(&mut tx, &job).await?;
            }
            _ => {
                let job = SendEmailChange { user_id, new_email };
                self.jobs.enqueue(&mut tx, &job).await?;
            }
        }
        tx.commit()
            .await
            .context("commit request for a new address")?;
        Ok(())
    }

    /// Whether `password` is the person's, for a wish whose address is none: they are told everything at once.
    pub async fn check_password(
        &self,
        user_id: UserId,
        password: &SecretString,
    ) -> Result<(), ChangeEmailError> {
        let account = self.confirm_password(user_id, password).await?;
        let account = account.map_err(|Overloaded| ChangeEmailError::Overloaded)?;
        account.map_or(Err(ChangeEmailError::WrongPassword), |_| Ok(()))
    }

    /// Moves the account to the address that the link was sent to, which is thereby verified. The old one is told.
    #[instrument(name = "users.confirm_email_change", skip_all)]
    pub async fn confirm_email_change(&self, token: &Token) -> Result<(), LinkError> {
        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        let link = db::links::take(&mut tx, token.hash(), Purpose::ChangeEmail, now).await?;
        let link = link.ok_or(LinkError::InvalidLink)?;
        let (user_id, new) = (link.user_id, link.email);
        // What was mailed to the old address must not open the account any more.
        db::links::delete_all(&mut tx, user_id).await?;
        let account = db::accounts::find(&mut tx, user_id).await?;
        let account = account.filter(Account::is_enabled);
        let old = account.ok_or(LinkError::InvalidLink)?.email;
        // Since the link was mailed, somebody else may have signed up with the address.
        if !db::accounts::set_email(&mut tx, user_id, &new, Some(now), now).await? {
            return Err(LinkError::InvalidLink);
        }
        let notice = SendEmailChanged {
            user_id,
            old_email: old.clone(),
        };
        self.jobs.enqueue(&mut tx, &notice).await?;
        let event = EmailChanged { user_id, old, new };
        self.events.publish(&mut tx, &event).await?;
        tx.commit().await.context("commit new address")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use platform::testing::TestPlatform;

    use super::*;
    use crate::testing::{PASSWORD, an_address, mailed_token, start};

    fn to(local: &str) -> ChangeEmail {
        ChangeEmail {
            password: PASSWORD.into(),
            new_email: an_address(local),
        }
    }

    async fn a_mailed_link(platform: &TestPlatform, users: &Users, user_id: UserId) -> Token {
        let change = to("new");
        users.request_email_change(user_id, change).await.unwrap();
        let [job] = &platform.jobs_of::<SendEmailChange>().await[..] else {
            panic!("one letter to the new address")
        };
        let send = async |run, job| users.clone().send_email_change(run, job).await;
        platform.run_job(send, job.clone()).await.unwrap();
        assert_eq!(platform.sent_mail()[0].to, an_address("new"));
        mailed_token(platform, "confirm-email")
    }

    #[tokio::test]
    async fn the_account_moves_once_the_new_mailbox_is_proven_and_the_old_is_told() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let token = a_mailed_link(&platform, &users, ann).await;
        assert_eq!(users.profile(ann).await.unwrap().email, an_address("ann"));

        users.confirm_email_change(&token).await.unwrap();

        let profile = users.profile(ann).await.unwrap();
        assert_eq!(
            (profile.email, profile.email_verified),
            (an_address("new"), true)
        );
        let event = EmailChanged {
            user_id: ann,
            old: an_address("ann"),
            new: an_address("new"),
        };
        assert_eq!(platform.published::<EmailChanged>().await, [event]);
        let [notice] = &platform.jobs_of::<SendEmailChanged>().await[..] else {
            panic!("one notice")
        };
        let send = async |run, job| users.clone().send_email_changed(run, job).await;
        platform.run_job(send, notice.clone()).await.unwrap();
        assert_eq!(platform.sent_mail()[1].to, an_address("ann"));
        let again = users.confirm_email_change(&token).await;
        assert!(matches!(again, Err(LinkError::InvalidLink)));
    }

    #[tokio::test]
    async fn of_two_links_opened_in_the_same_instant_one_works() {
        let (platform, users) = start().await;
        for round in 0..20 {
            let ann = users.a_customer(&format!("ann{round}")).await;
            let links = [
                Token::generate(&platform.entropy),
                Token::generate(&platform.entropy),
            ];
            let now = platform.clock.now();
            let mut connection = platform.db.acquire().await.unwrap();
            for (number, token) in links.iter().enumerate() {
                let link = db::links::Link {
                    user_id: ann,
                    email: an_address(&format!("new{round}-{number}")),
                };
                let (hash, purpose) = (token.hash(), Purpose::ChangeEmail);
                let later = now + chrono::TimeDelta::minutes(5);
                db::links::insert(&mut connection, hash, purpose, &link, now, later)
                    .await
                    .unwrap();
            }
            let opened = tokio::join!(
                users.confirm_email_change(&links[0]),
                users.confirm_email_change(&links[1]),
            );
            assert!(
                matches!(
                    opened,
                    (Ok(()), Err(LinkError::InvalidLink)) | (Err(LinkError::InvalidLink), Ok(()))
                ),
                "{opened:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_address_with_an_account_is_told_and_gets_no_link() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let bob = users.a_customer("bob").await;

        users.request_email_change(ann, to("bob")).await.unwrap();

        assert!(platform.jobs_of::<SendEmailChange>().await.is_empty());
        let [job] = &platform.jobs_of::<SendAlreadyRegistered>().await[..] else {
            panic!("one notice")
        };
        assert_eq!(job.user_id, bob);
        let send = async |run, job| users.clone().send_already_registered(run, job).await;
        platform.run_job(send, job.clone()).await.unwrap();
        assert_eq!(platform.sent_mail()[0].to, an_address("bob"));
    }

    #[tokio::test]
    async fn an_address_that_was_taken_meanwhile_is_not_taken_over() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let token = a_mailed_link(&platform, &users, ann).await;
        users.a_customer("new").await;
        let confirmed = users.confirm_email_change(&token).await;
        assert!(matches!(confirmed, Err(LinkError::InvalidLink)));
        assert_eq!(users.profile(ann).await.unwrap().email, an_address("ann"));
    }

    #[tokio::test]
    async fn the_password_is_needed_to_move() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let mut change = to("new");
        change.password = "not-what-it-is-at-all".into();
        let asked = users.request_email_change(ann, change).await;
        assert!(matches!(asked, Err(ChangeEmailError::WrongPassword)));
        assert!(platform.jobs_of::<SendEmailChange>().await.is_empty());
    }

    #[tokio::test]
    async fn a_new_password_makes_the_link_worthless() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let token = a_mailed_link(&platform, &users, ann).await;
        let change = crate::ChangePassword {
            current: PASSWORD.into(),
            new: "copper-meadow-jigsaw-31".into(),
        };
        users.change_password(ann, change).await.unwrap();
        let confirmed = users.confirm_email_change(&token).await;
        assert!(matches!(confirmed, Err(LinkError::InvalidLink)));
    }
}
