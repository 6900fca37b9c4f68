//! Builders for tests.

use kernel::{EmailAddress, Entropy, Role, Token, UserId};
use platform::testing::TestPlatform;
use secrecy::SecretString;

use crate::db::{self, accounts::Account};
use crate::{MIGRATOR, SeedAccount, SignUp, SigningKeys, Users, UsersSettings};

/// A password that the policy accepts.
pub const PASSWORD: &str = "lantern-orchard-violet-77";

/// Settings with a signing key of their own.
#[must_use]
pub fn settings() -> UsersSettings {
    UsersSettings {
        signing_keys: SigningKeys::generate(&Entropy::seeded(42)),
        issuer: "https://shop.example".to_owned(),
        audience: "https://shop.example/api".to_owned(),
    }
}

/// The module on a database of its own.
pub async fn start() -> (TestPlatform, Users) {
    let platform = TestPlatform::start(&[&MIGRATOR]).await;
    let users = Users::new(&platform, settings());
    (platform, users)
}

/// `local@example.com`.
///
/// # Panics
/// If `local` is no local part.
#[must_use]
pub fn an_address(local: &str) -> EmailAddress {
    EmailAddress::parse(&format!("{local}@example.com")).expect("a valid address")
}

/// The token of the link to `page` in the last letter.
///
/// # Panics
/// If there is no letter, or no such link in it.
#[must_use]
pub fn mailed_token(platform: &TestPlatform, page: &str) -> Token {
    let letter = platform.sent_mail().pop().expect("a letter");
    let start = format!("https://shop.example/{page}?token=");
    let (_, rest) = letter.text.split_once(&start).expect("a link");
    let token = rest.lines().next().expect("a token");
    Token::parse(token).expect("a token")
}

impl Users {
    /// Somebody who has just signed up: like [`Users::a_customer`], but not verified.
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn a_newcomer(&self, local: &str) -> UserId {
        let (email, password) = (an_address(local), SecretString::from(PASSWORD));
        let sign_up = SignUp {
            email: email.clone(),
            name: "Ann".to_owned(),
            password: password.clone(),
        };
        self.sign_up(sign_up).await.expect("sign up");
        self.sign_in(&email, &password).await.expect("sign in").id
    }

    /// A verified customer called Ann, `local@example.com`, whose password is [`PASSWORD`].
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn a_customer(&self, local: &str) -> UserId {
        self.a_person(local, Role::Customer).await
    }

    /// A verified person with `role`, called Ann, `local@example.com`, whose password is [`PASSWORD`].
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn a_person(&self, local: &str, role: Role) -> UserId {
        self.seed_account(SeedAccount {
            email: an_address(local),
            name: "Ann".to_owned(),
            password: SecretString::from(PASSWORD),
            role,
        })
        .await
        .expect("seed an account")
    }

    /// A customer like [`Users::a_customer`], whose account is disabled.
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn a_disabled_customer(&self, local: &str) -> UserId {
        let password = SecretString::from(PASSWORD);
        let now = self.clock.now();
        let account = Account {
            id: UserId::generate(&self.clock, &self.entropy),
            email: an_address(local),
            email_verified_at: Some(now),
            name: "Ann".to_owned(),
            password_hash: self.hashing.rehash(&password).await.expect("a hash"),
            role: Role::Customer,
            session_generation: 1,
            disabled_at: Some(now),
            created_at: now,
        };
        let mut connection = self.db.acquire().await.expect("a connection");
        db::accounts::insert(&mut connection, &account)
            .await
            .expect("insert an account");
        account.id
    }
}
