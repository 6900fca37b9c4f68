use anyhow::Context as _;
use chrono::TimeDelta;
use kernel::{EmailAddress, Role, Token};
use secrecy::SecretString;
use sqlx::PgConnection;
use tracing::instrument;

use crate::access_token::{ACCESS_TOKEN_LIFETIME, AccessClaims};
use crate::db::tokens::TokenFamily;
use crate::{CurrentUser, SignInError, Users, db};

/// How long a program stays signed in, however often it refreshes: as long as a browser of the same person
/// (`platform::sessions::SessionLimits`), or a program would be the way around the shorter limit for staff.
const fn family_lifetime(role: Role) -> TimeDelta {
    if role.is_staff() {
        TimeDelta::hours(12)
    } else {
        TimeDelta::days(30)
    }
}

/// What a program that is signed in holds.
#[derive(Clone, Debug)]
pub struct TokenPair {
    /// Shown with each request.
    pub access_token: SecretString,
    /// Gets the next pair, once.
    pub refresh_token: Token,
    /// How long the access token is good for.
    pub expires_in: TimeDelta,
}

/// Why there is no next pair.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Unknown, used, expired or ended: the program has to sign in again.
    #[error("the refresh token is not valid")]
    InvalidToken,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

/// Why an access token shows nobody.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// Malformed, forged, expired, ended, or meant for somebody else.
    #[error("the access token is not valid")]
    Invalid,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Users {
    /// Signs a program in on behalf of a person.
    #[instrument(name = "users.issue_tokens", skip_all)]
    pub async fn issue_tokens(
        &self,
        email: &EmailAddress,
        password: &SecretString,
    ) -> Result<TokenPair, SignInError> {
        let user = self.sign_in(email, password).await?;
        let now = self.clock.now();
        let family = TokenFamily {
            id: uuid::Builder::from_random_bytes(self.entropy.bytes()).into_uuid(),
            user_id: user.id,
            generation: user.session_generation,
            expires_at: now + family_lifetime(user.role),
        };
        let mut tx = self.db.begin().await?;
        db::tokens::insert_family(&mut tx, &family, now).await?;
        let pair = self.next_pair(&mut tx, &family).await?;
        tx.commit().await.context("commit tokens")?;
        Ok(pair)
    }

    /// Exchanges a refresh token for the next pair.
    ///
    /// A token that was used before is in two hands, and nobody knows which are a thief's: the whole family ends, and
    /// whoever knows the password signs in again.
    #[instrument(name = "users.refresh_tokens", skip_all)]
    pub async fn refresh_tokens(&self, token: &Token) -> Result<TokenPair, RefreshError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let family = db::tokens::lock_family_of(&mut tx, token.hash()).await?;
        let family = family.ok_or(RefreshError::InvalidToken)?;
        if !db::tokens::use_token(&mut tx, token.hash(), now).await? {
            db::tokens::delete_family(&mut tx, family.id).await?;
            tx.commit().await.context("commit end of token family")?;
            tracing::warn!(user.id = %family.user_id, "a refresh token was used twice");
            return Err(RefreshError::InvalidToken);
        }
        let account = db::accounts::find(&mut tx, family.user_id).await?;
        let in_force = account.is_some_and(|account| {
            account.is_enabled() && account.session_generation == family.generation
        });
        if !in_force || family.expires_at <= now {
            return Err(RefreshError::InvalidToken);
        }
        let pair = self.next_pair(&mut tx, &family).await?;
        tx.commit().await.context("commit refreshed tokens")?;
        Ok(pair)
    }

    /// Signs a program out: no refresh token of its family works any more. Doing so twice is no error (RFC 7009). An access
    /// token that was issued already works until it expires.
    #[instrument(name = "users.revoke_tokens", skip_all)]
    pub async fn revoke_tokens(&self, token: &Token) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        if let Some(family) = db::tokens::lock_family_of(&mut tx, token.hash()).await? {
            db::tokens::delete_family(&mut tx, family.id).await?;
        }
        tx.commit().await.context("commit revoked tokens")
    }

    /// Whom an access token shows. The account is looked at each time, so that a password change ends the token at once.
    #[instrument(name = "users.authenticate", skip_all)]
    pub async fn authenticate(&self, access_token: &str) -> Result<CurrentUser, AuthenticateError> {
        let claims = self
            .access_tokens
            .verify(access_token, self.clock.now())
            .map_err(|_| AuthenticateError::Invalid)?;
        let user = self
            .find_for_session(claims.user_id, claims.generation)
            .await?;
        user.ok_or(AuthenticateError::Invalid)
    }

    async fn next_pair(
        &self,
        connection: &mut PgConnection,
        family: &TokenFamily,
    ) -> anyhow::Result<TokenPair> {
        let now = self.clock.now();
        let refresh_token = Token::generate(&self.entropy);
        db::tokens::insert_token(connection, family.id, refresh_token.hash(), now).await?;
        let claims = AccessClaims {
            user_id: family.user_id,
            generation: family.generation,
        };
        Ok(TokenPair {
            access_token: self.access_tokens.issue(claims, now, &self.entropy),
            refresh_token,
            expires_in: ACCESS_TOKEN_LIFETIME,
        })
    }
}

#[cfg(test)]
mod tests {
    use kernel::UserId;
    use platform::testing::TestPlatform;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::testing::{PASSWORD, an_address, settings, start};
    use crate::{ChangePassword, UsersSettings};

    async fn signed_in() -> (TestPlatform, Users, UserId, TokenPair) {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let pair = issue(&users).await;
        (platform, users, ann, pair)
    }

    async fn issue(users: &Users) -> TokenPair {
        users
            .issue_tokens(&an_address("ann"), &PASSWORD.into())
            .await
            .unwrap()
    }

    async fn whom(users: &Users, pair: &TokenPair) -> Option<UserId> {
        match users.authenticate(pair.access_token.expose_secret()).await {
            Ok(user) => Some(user.id),
            Err(AuthenticateError::Invalid) => None,
            Err(AuthenticateError::Unexpected(error)) => panic!("{error:#}"),
        }
    }

    async fn refresh(users: &Users, pair: &TokenPair) -> Option<TokenPair> {
        match users.refresh_tokens(&pair.refresh_token).await {
            Ok(next) => Some(next),
            Err(RefreshError::InvalidToken) => None,
            Err(RefreshError::Unexpected(error)) => panic!("{error:#}"),
        }
    }

    #[tokio::test]
    async fn each_refresh_token_gets_the_next_pair_until_the_family_expires() {
        let (platform, users, ann, first) = signed_in().await;
        assert_eq!(whom(&users, &first).await, Some(ann));
        platform.clock.advance(ACCESS_TOKEN_LIFETIME);
        assert_eq!(whom(&users, &first).await, None);

        let second = refresh(&users, &first).await.unwrap();
        assert_eq!(whom(&users, &second).await, Some(ann));
        platform.clock.advance(TimeDelta::days(29));
        let third = refresh(&users, &second).await.unwrap();
        platform.clock.advance(TimeDelta::days(1));
        assert!(refresh(&users, &third).await.is_none());
    }

    #[tokio::test]
    async fn a_program_of_staff_has_to_sign_in_again_after_half_a_day() {
        let (platform, users) = start().await;
        users.a_person("ann", Role::Finance).await;
        let first = issue(&users).await;
        platform
            .clock
            .advance(TimeDelta::hours(12) - TimeDelta::seconds(1));
        let second = refresh(&users, &first).await.unwrap();
        platform.clock.advance(TimeDelta::seconds(1));
        assert!(refresh(&users, &second).await.is_none());
    }

    #[tokio::test]
    async fn a_refresh_token_that_is_used_twice_ends_its_family_and_no_other() {
        let (_platform, users, _, stolen) = signed_in().await;
        let elsewhere = issue(&users).await;
        let next = refresh(&users, &stolen).await.unwrap();

        assert!(refresh(&users, &stolen).await.is_none());

        assert!(refresh(&users, &next).await.is_none());
        assert!(refresh(&users, &elsewhere).await.is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_simultaneous_uses_one_gets_a_pair_and_the_family_ends() {
        let (_platform, users, _, pair) = signed_in().await;
        let mut attempts = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (users, pair) = (users.clone(), pair.clone());
            attempts.spawn(async move { refresh(&users, &pair).await });
        }
        let next: Vec<_> = attempts.join_all().await.into_iter().flatten().collect();
        assert_eq!(next.len(), 1);
        assert!(refresh(&users, &next[0]).await.is_none());
    }

    #[tokio::test]
    async fn a_password_change_ends_the_tokens_from_before() {
        let (_platform, users, ann, before) = signed_in().await;
        let new = "harbour-thistle-cobalt-31";
        let change = ChangePassword {
            current: PASSWORD.into(),
            new: new.into(),
        };
        users.change_password(ann, change).await.unwrap();

        assert_eq!(whom(&users, &before).await, None);
        assert!(refresh(&users, &before).await.is_none());
        let after = users.issue_tokens(&an_address("ann"), &new.into()).await;
        assert_eq!(whom(&users, &after.unwrap()).await, Some(ann));
    }

    #[tokio::test]
    async fn a_program_that_signs_out_twice_is_signed_out() {
        let (_platform, users, _, pair) = signed_in().await;
        let next = refresh(&users, &pair).await.unwrap();
        for _ in 0..2 {
            users.revoke_tokens(&next.refresh_token).await.unwrap();
        }
        assert!(refresh(&users, &next).await.is_none());
    }

    #[tokio::test]
    async fn a_token_for_another_audience_is_refused() {
        let (platform, users, ann, _) = signed_in().await;
        let settings = UsersSettings {
            audience: "https://elsewhere.example/api".to_owned(),
            ..settings()
        };
        let elsewhere = Users::new(&platform, settings);
        let pair = issue(&elsewhere).await;
        assert_eq!(whom(&elsewhere, &pair).await, Some(ann));
        assert_eq!(whom(&users, &pair).await, None);
    }

    #[tokio::test]
    async fn what_was_never_issued_is_refused() {
        let (_platform, users, _, pair) = signed_in().await;
        let unknown = TokenPair {
            access_token: "not.a.token".into(),
            refresh_token: Token::generate(&users.entropy),
            ..pair
        };
        assert_eq!(whom(&users, &unknown).await, None);
        assert!(refresh(&users, &unknown).await.is_none());
        users.revoke_tokens(&unknown.refresh_token).await.unwrap();
    }
}
