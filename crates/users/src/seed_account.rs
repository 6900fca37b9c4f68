use anyhow::Context as _;
use kernel::{EmailAddress, Role, UserId};
use secrecy::SecretString;
use tracing::instrument;

use crate::db::accounts::Account;
use crate::{Users, db};

/// An account that is made without its owner: the first administrator, and people for demonstrations and tests.
#[derive(Clone, Debug)]
pub struct SeedAccount {
    /// Where the person is written to; counts as verified.
    pub email: EmailAddress,
    /// How they are addressed.
    pub name: String,
    /// Their password, which no policy judges.
    pub password: SecretString,
    /// What they may do.
    pub role: Role,
}

impl Users {
    /// Makes an account that can be used at once, without a letter or an event. One that has the address stays as it is.
    #[instrument(name = "users.seed_account", skip_all)]
    pub async fn seed_account(&self, seed: SeedAccount) -> anyhow::Result<UserId> {
        let password_hash = self.hashing.rehash(&seed.password).await?;
        let now = self.clock.now();
        let account = Account {
            id: UserId::generate(&self.clock, &self.entropy),
            email: seed.email,
            email_verified_at: Some(now),
            name: seed.name,
            password_hash,
            role: seed.role,
            session_generation: 1,
            disabled_at: None,
            created_at: now,
        };
        let mut connection = self.db.acquire().await?;
        if db::accounts::insert(&mut connection, &account).await? {
            return Ok(account.id);
        }
        let present = db::accounts::find_by_email(&mut connection, &account.email).await?;
        Ok(present.context("an account that was there is gone")?.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PASSWORD, an_address, start};

    #[tokio::test]
    async fn a_seeded_account_can_be_used_at_once_and_nobody_is_written_to() {
        let (platform, users) = start().await;
        let admin = users.a_person("root", Role::Admin).await;

        let password = SecretString::from(PASSWORD);
        let found = users.sign_in(&an_address("root"), &password).await.unwrap();

        assert_eq!((found.id, found.role), (admin, Role::Admin));
        assert!(found.email_verified);
        assert!(platform.jobs_waiting().await.is_empty());
    }

    #[tokio::test]
    async fn seeding_again_changes_nothing() {
        let (_platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let again = SeedAccount {
            email: an_address("Ann"),
            name: "Mallory".to_owned(),
            password: SecretString::from("1234"),
            role: Role::Admin,
        };

        assert_eq!(users.seed_account(again).await.unwrap(), ann);

        let profile = users.profile(ann).await.unwrap();
        assert_eq!(
            (profile.name.as_str(), profile.role),
            ("Ann", Role::Customer)
        );
    }
}
