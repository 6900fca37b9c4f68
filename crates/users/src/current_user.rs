use anyhow::Context as _;
use kernel::UserId;
use tracing::instrument;

use crate::user::{Contact, CurrentUser, Profile};
use crate::{Users, db};

impl Users {
    /// The person behind a session of this generation; `None` once the session is over or the account disabled.
    #[instrument(name = "users.find_for_session", skip_all)]
    pub async fn find_for_session(
        &self,
        user_id: UserId,
        generation: i32,
    ) -> anyhow::Result<Option<CurrentUser>> {
        let mut connection = self.db.acquire().await?;
        let account = db::accounts::find(&mut connection, user_id).await?;
        Ok(account
            .filter(|found| found.is_enabled() && found.session_generation == generation)
            .map(CurrentUser::from))
    }

    /// Where a letter to the person goes, and how it addresses them; `None` if their account is disabled, to which nobody
    /// writes.
    #[instrument(name = "users.find_contact", skip_all)]
    pub async fn find_contact(&self, user_id: UserId) -> anyhow::Result<Option<Contact>> {
        let mut connection = self.db.acquire().await?;
        let account = db::accounts::find(&mut connection, user_id).await?;
        Ok(account
            .filter(db::accounts::Account::is_enabled)
            .map(|account| Contact {
                email: account.email,
                name: account.name,
            }))
    }

    /// The person as their own account page shows them.
    #[instrument(name = "users.profile", skip_all)]
    pub async fn profile(&self, user_id: UserId) -> anyhow::Result<Profile> {
        let mut connection = self.db.acquire().await?;
        let account = db::accounts::find(&mut connection, user_id).await?;
        let account = account.with_context(|| format!("there is no account {user_id}"))?;
        let avatar = self.avatar_of(&mut connection, user_id).await?;
        Ok(Profile {
            id: account.id,
            email: account.email,
            email_verified: account.email_verified_at.is_some(),
            name: account.name,
            role: account.role,
            avatar,
            created_at: account.created_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;

    use super::*;
    use crate::testing::{an_address, start};
    use crate::user::Avatar;

    #[tokio::test]
    async fn a_session_ends_when_the_generation_moves_on() {
        let (platform, users) = start().await;
        let ann = users.a_person("ann", Role::Support).await;
        let found = users.find_for_session(ann, 1).await.unwrap().unwrap();
        assert_eq!((found.id, found.role), (ann, Role::Support));

        let mut connection = users.db.acquire().await.unwrap();
        let moved = db::accounts::set_password(&mut connection, ann, "hash", platform.clock.now());
        assert_eq!(moved.await.unwrap(), Some(2));

        assert_eq!(users.find_for_session(ann, 1).await.unwrap(), None);
        assert!(users.find_for_session(ann, 2).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_disabled_account_has_no_session() {
        let (_platform, users) = start().await;
        let bob = users.a_disabled_customer("bob").await;
        assert_eq!(users.find_for_session(bob, 1).await.unwrap(), None);
        assert_eq!(users.find_contact(bob).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_new_account_has_a_profile_without_a_picture() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;

        let profile = users.profile(ann).await.unwrap();

        assert_eq!(profile.email, an_address("ann"));
        assert!(profile.email_verified);
        assert_eq!(profile.avatar, Avatar::None);
        assert_eq!(profile.created_at, platform.clock.now());
        let contact = users.find_contact(ann).await.unwrap().unwrap();
        assert_eq!((contact.email, &*contact.name), (profile.email, "Ann"));
    }
}
