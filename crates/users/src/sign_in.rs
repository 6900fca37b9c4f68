use kernel::{EmailAddress, UserId};
use secrecy::SecretString;
use tracing::{instrument, warn};

use crate::hashing::{Overloaded, Verdict, is_readable};
use crate::user::CurrentUser;
use crate::{Users, db};

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No account of this address, another password, or a disabled account: an answer never tells which.
    #[error("this address and this password do not belong together")]
    WrongCredentials,
    /// Too many passwords are being checked; trying again in a moment helps.
    #[error("too many passwords are being checked right now")]
    Overloaded,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Finds the person by address and password.
    ///
    /// They come with the session generation that was read before the password was checked: if the password is changed
    /// meanwhile, a session of that generation is over before it begins.
    #[instrument(name = "users.sign_in", skip_all)]
    pub async fn sign_in(
        &self,
        email: &EmailAddress,
        password: &SecretString,
    ) -> Result<CurrentUser, SignInError> {
        let account = {
            let mut connection = self.db.acquire().await?;
            db::accounts::find_by_email(&mut connection, email).await?
        };
        let stored = account.as_ref().map(|found| found.password_hash.clone());
        let verdict = self.hashing.verify(password, stored).await;
        let verdict = verdict.map_err(|Overloaded| SignInError::Overloaded)?;
        let (Some(account), Verdict::Right { outdated }) = (account, verdict) else {
            return Err(SignInError::WrongCredentials);
        };
        if !account.is_enabled() {
            return Err(SignInError::WrongCredentials);
        }
        if outdated {
            let renewed = self.renew_hash(account.id, &account.password_hash, password);
            if let Err(error) = renewed.await {
                // The next sign-in tries again.
                warn!(error = format!("{error:#}"), "password hash not renewed");
            }
        }
        Ok(account.into())
    }

    /// How many of the 1,000 latest accounts nobody could sign in to, because what is stored is no password's hash: none, in a
    /// database that is whole.
    ///
    /// # Errors
    /// If the database cannot be reached.
    #[instrument(name = "users.count_locked_out", skip_all)]
    pub async fn count_locked_out(&self) -> anyhow::Result<usize> {
        let mut connection = self.db.acquire().await?;
        let hashes = db::accounts::latest_hashes(&mut connection).await?;
        Ok(hashes.iter().filter(|hash| !is_readable(hash)).count())
    }

    async fn renew_hash(
        &self,
        user_id: UserId,
        old: &str,
        password: &SecretString,
    ) -> anyhow::Result<()> {
        let new = self.hashing.rehash(password).await?;
        let mut connection = self.db.acquire().await?;
        db::accounts::replace_hash(&mut connection, user_id, old, &new).await
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

    use super::*;
    use crate::db::accounts::Account;
    use crate::testing::{PASSWORD, an_address, start};

    fn password() -> SecretString {
        SecretString::from(PASSWORD)
    }

    async fn account(users: &Users, user_id: UserId) -> Account {
        let mut connection = users.db.acquire().await.unwrap();
        let found = db::accounts::find(&mut connection, user_id).await;
        found.unwrap().unwrap()
    }

    #[tokio::test]
    async fn capitals_in_the_address_do_not_matter() {
        let (_platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let found = users.sign_in(&an_address("Ann"), &password()).await;
        assert_eq!(found.unwrap().id, ann);
    }

    #[tokio::test]
    async fn a_wrong_password_an_unknown_address_and_a_disabled_account_look_the_same() {
        let (_platform, users) = start().await;
        users.a_customer("ann").await;
        users.a_disabled_customer("bob").await;
        for (local, password) in [
            ("ann", "lantern-orchard-violet-78"),
            ("nobody", PASSWORD),
            ("bob", PASSWORD),
        ] {
            let password = SecretString::from(password);
            let signed_in = users.sign_in(&an_address(local), &password).await;
            assert!(
                matches!(signed_in, Err(SignInError::WrongCredentials)),
                "{local}"
            );
        }
    }

    #[tokio::test]
    async fn signing_in_renews_an_outdated_hash_and_ends_no_session() {
        let (_platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8_192, 1, 1, None).unwrap(),
        )
        .hash_password_with_salt(PASSWORD.as_bytes(), b"sixteen bytes ok")
        .unwrap()
        .to_string();
        let before = account(&users, ann).await;
        let mut connection = users.db.acquire().await.unwrap();
        db::accounts::replace_hash(&mut connection, ann, &before.password_hash, &weak)
            .await
            .unwrap();

        users
            .sign_in(&an_address("ann"), &password())
            .await
            .unwrap();

        let after = account(&users, ann).await;
        assert_ne!(after.password_hash, weak);
        assert_eq!(after.session_generation, before.session_generation);
        let stored = Some(after.password_hash);
        assert_eq!(
            users.hashing.verify(&password(), stored).await,
            Ok(Verdict::Right { outdated: false })
        );
    }
}
