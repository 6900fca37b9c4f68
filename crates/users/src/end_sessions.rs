use anyhow::Context as _;
use kernel::UserId;
use tracing::instrument;

use crate::{Users, db};

impl Users {
    /// Ends all sessions and tokens of the person, programs' included. Returns the new session generation, to which the
    /// caller moves the session that asked, if it is to go on.
    #[instrument(name = "users.end_sessions", skip_all)]
    pub async fn end_sessions(&self, user_id: UserId) -> anyhow::Result<i32> {
        let mut connection = self.db.acquire().await?;
        let now = self.clock.now();
        let generation = db::accounts::end_sessions(&mut connection, user_id, now).await?;
        generation.with_context(|| format!("there is no account {user_id}"))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use crate::testing::{PASSWORD, an_address, start};
    use crate::{AuthenticateError, RefreshError};

    #[tokio::test]
    async fn whatever_was_signed_in_is_not_any_more_and_others_still_are() {
        let (_platform, users) = start().await;
        let (ann, bob) = (users.a_customer("ann").await, users.a_customer("bob").await);
        let (address, password) = (an_address("ann"), PASSWORD.into());
        let before = users.sign_in(&address, &password).await.unwrap();
        let program = users.issue_tokens(&address, &password).await.unwrap();

        let generation = users.end_sessions(ann).await.unwrap();

        let browser = users.find_for_session(ann, before.session_generation).await;
        assert_eq!(browser.unwrap(), None);
        let request = users.authenticate(program.access_token.expose_secret());
        assert!(matches!(request.await, Err(AuthenticateError::Invalid)));
        let refreshed = users.refresh_tokens(&program.refresh_token).await;
        assert!(matches!(refreshed, Err(RefreshError::InvalidToken)));
        let moved_on = users.find_for_session(ann, generation).await;
        assert!(moved_on.unwrap().is_some());
        assert!(users.find_for_session(bob, 1).await.unwrap().is_some());
    }
}
