use anyhow::Context as _;
use kernel::UserId;
use platform::db::Tx;
use secrecy::SecretString;
use tracing::instrument;

use crate::db::accounts::Account;
use crate::events::PasswordChanged;
use crate::hashing::{Overloaded, Verdict};
use crate::jobs::SendPasswordChanged;
use crate::password::PasswordFault;
use crate::{Users, db};

/// A person's wish for another password.
#[derive(Debug)]
pub struct ChangePassword {
    /// The one they have, so that an unlocked screen is not enough to take the account over.
    pub current: SecretString,
    /// The one they want.
    pub new: SecretString,
}

/// Why the password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is another one. The new one is judged all the same: the person is told everything at once.
    #[error("this is not your current password")]
    WrongPassword {
        /// What is wrong with the new password, too.
        new: Option<PasswordFault>,
    },
    /// The new password is refused.
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
    /// Changes the person's password and ends all their sessions and tokens. Returns the new session generation, to which
    /// the caller moves the session that asked.
    #[instrument(name = "users.change_password", skip_all)]
    pub async fn change_password(
        &self,
        user_id: UserId,
        command: ChangePassword,
    ) -> Result<i32, ChangePasswordError> {
        let account = self.confirm_password(user_id, &command.current).await?;
        let Some(account) = account.map_err(|Overloaded| ChangePasswordError::Overloaded)? else {
            return Err(self.wrong_password(user_id, &command.new).await?);
        };
        let hash = self
            .hash_for(&account, &command.new)
            .await
            .map_err(|Overloaded| ChangePasswordError::Overloaded)??;

        let mut tx = self.db.begin().await?;
        let generation = self.record_password(&mut tx, user_id, &hash).await?;
        // Otherwise somebody else changed it after it was checked above, and the password given is not current any more.
        if generation != account.session_generation + 1 {
            return Err(ChangePasswordError::WrongPassword { new: None });
        }
        tx.commit().await.context("commit password change")?;
        Ok(generation)
    }

    async fn wrong_password(
        &self,
        user_id: UserId,
        new: &SecretString,
    ) -> Result<ChangePasswordError, ChangePasswordError> {
        let account = self.find_enabled(user_id).await?;
        let about = account.map(|it| self.known_about(it.email.as_str(), &it.name));
        let judged = self.hashing.judge(new, about.unwrap_or_default()).await;
        let judged = judged.map_err(|Overloaded| ChangePasswordError::Overloaded)?;
        Ok(ChangePasswordError::WrongPassword { new: judged.err() })
    }

    /// The person's account if `password` is theirs.
    pub(crate) async fn confirm_password(
        &self,
        user_id: UserId,
        password: &SecretString,
    ) -> anyhow::Result<Result<Option<Account>, Overloaded>> {
        let account = self.find_enabled(user_id).await?;
        let stored = account
            .as_ref()
            .map(|account| account.password_hash.clone());
        let verdict = self.hashing.verify(password, stored).await;
        Ok(verdict.map(|verdict| account.filter(|_| verdict != Verdict::Wrong)))
    }

    /// The account, unless it is disabled or gone.
    pub(crate) async fn find_enabled(&self, user_id: UserId) -> anyhow::Result<Option<Account>> {
        let mut connection = self.db.acquire().await?;
        let account = db::accounts::find(&mut connection, user_id).await?;
        Ok(account.filter(Account::is_enabled))
    }

    /// Hashes a new password for the account, if the policy accepts it.
    pub(crate) async fn hash_for(
        &self,
        account: &Account,
        password: &SecretString,
    ) -> Result<Result<String, PasswordFault>, Overloaded> {
        let about = self.known_about(account.email.as_str(), &account.name);
        self.hashing.hash_new(password, about).await
    }

    /// What every new password brings about. Returns the new session generation.
    ///
    /// The person's mailed links go too: one that moves the account elsewhere may have been asked for by the very
    /// intruder whom the new password is to keep out.
    pub(crate) async fn record_password(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        hash: &str,
    ) -> anyhow::Result<i32> {
        let now = self.clock.now();
        let generation = db::accounts::set_password(tx, user_id, hash, now).await?;
        let generation = generation.context("the account is gone")?;
        db::links::delete_all(tx, user_id).await?;
        let event = PasswordChanged { user_id };
        self.events.publish(tx, &event).await?;
        let notice = SendPasswordChanged { user_id };
        self.jobs.enqueue(tx, &notice).await?;
        Ok(generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PASSWORD, an_address, start};

    const NEW_PASSWORD: &str = "copper-meadow-jigsaw-31";

    fn from_to(current: &str, new: &str) -> ChangePassword {
        ChangePassword {
            current: current.into(),
            new: new.into(),
        }
    }

    #[tokio::test]
    async fn a_changed_password_replaces_the_old_and_ends_what_was_signed_in() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let email = an_address("ann");
        let before = users.sign_in(&email, &PASSWORD.into()).await.unwrap();

        let change = from_to(PASSWORD, NEW_PASSWORD);
        let generation = users.change_password(ann, change).await.unwrap();

        assert!(users.sign_in(&email, &PASSWORD.into()).await.is_err());
        users.sign_in(&email, &NEW_PASSWORD.into()).await.unwrap();
        let old = users.find_for_session(ann, before.session_generation).await;
        assert_eq!(old.unwrap(), None);
        let new = users.find_for_session(ann, generation).await.unwrap();
        assert_eq!(new.unwrap().id, ann);
        let event = PasswordChanged { user_id: ann };
        assert_eq!(platform.published::<PasswordChanged>().await, [event]);
    }

    #[tokio::test]
    async fn the_owner_is_told_by_mail() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let change = from_to(PASSWORD, NEW_PASSWORD);
        users.change_password(ann, change).await.unwrap();
        let [job] = &platform.jobs_of::<SendPasswordChanged>().await[..] else {
            panic!("one notice")
        };

        let send = async |run, job| users.clone().send_password_changed(run, job).await;
        platform.run_job(send, job.clone()).await.unwrap();

        let [letter] = &platform.sent_mail()[..] else {
            panic!("one letter")
        };
        assert_eq!(letter.to, an_address("ann"));
        assert!(letter.text.contains("https://shop.example/forgot-password"));
    }

    #[tokio::test]
    async fn without_the_current_password_or_with_a_weak_one_nothing_changes() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let wrong = from_to("not-what-it-is-at-all", NEW_PASSWORD);
        let wrong = users.change_password(ann, wrong).await;
        assert!(matches!(
            wrong,
            Err(ChangePasswordError::WrongPassword { new: None })
        ));
        let weak = users.change_password(ann, from_to(PASSWORD, "short")).await;
        assert!(matches!(weak, Err(ChangePasswordError::WeakPassword(_))));
        assert!(platform.published::<PasswordChanged>().await.is_empty());
        let email = an_address("ann");
        users.sign_in(&email, &PASSWORD.into()).await.unwrap();
    }

    #[tokio::test]
    async fn of_two_changes_at_once_one_wins() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let (one, other) = tokio::join!(
            users.change_password(ann, from_to(PASSWORD, NEW_PASSWORD)),
            users.change_password(ann, from_to(PASSWORD, "walnut-harbor-pencil-58")),
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert_eq!(platform.published::<PasswordChanged>().await.len(), 1);
    }
}
