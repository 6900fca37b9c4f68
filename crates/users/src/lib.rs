//! Users: accounts, passwords, mailed links, avatars, and tokens for programs.
//!
//! # Invariants
//! - Nobody learns from an answer whether an address has an account: not from its text, not from its time.
//! - The database keeps no secret that opens anything: passwords as argon2id, links and refresh tokens as SHA-256.
//! - A link works once, for a limited time, and only for the mailbox it was sent to.
//! - Whatever was signed in before a password changed is not any more: sessions and tokens carry the account's session
//!   generation, and the change moves it on in its own transaction.
//! - No transaction is open while a password is hashed, a picture is decoded or a letter is sent.
//!
//! # What this crate must not know
//! What people buy, cookies, HTTP requests, HTML pages. Browsers' sessions are `platform::sessions`; the server ties them
//! to accounts by the session generation.

mod access_token;
mod avatar;
mod change_email;
mod change_password;
mod change_profile;
mod current_user;
mod db;
mod emails;
mod end_sessions;
mod events;
mod hashing;
mod jobs;
mod make_thumbnails;
mod password;
mod purge_expired;
mod reset_password;
mod seed_account;
mod send_mails;
mod sign_in;
mod sign_up;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tokens;
mod user;
mod verify_email;

use std::sync::Arc;

use kernel::{Clock, Entropy};
use platform::Platform;
use platform::db::Db;
use platform::events::Events;
use platform::flags::Flags;
use platform::jobs::Jobs;
use platform::mail::{Letterhead, Mailer};
use platform::storage::Storage;

pub use access_token::{InvalidSigningKeys, SigningKeys};
pub use avatar::{AvatarError, AvatarUpload, MAX_AVATAR_BYTES};
pub use change_email::{ChangeEmail, ChangeEmailError};
pub use change_password::{ChangePassword, ChangePasswordError};
pub use change_profile::ChangeNameError;
pub use db::MIGRATOR;
pub use events::{EmailChanged, EmailVerified, PasswordChanged, UserRegistered};
pub use jobs::{
    MakeThumbnails, PurgeExpired, SendAlreadyRegistered, SendEmailChange, SendEmailChanged,
    SendPasswordChanged, SendPasswordReset, SendVerification,
};
pub use password::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS, PasswordFault};
pub use reset_password::ResetPasswordError;
pub use seed_account::SeedAccount;
pub use sign_in::SignInError;
pub use sign_up::{SignUp, SignUpError, SignUpFaults};
pub use tokens::{AuthenticateError, RefreshError, TokenPair};
pub use user::{Avatar, Contact, CurrentUser, Profile};
pub use verify_email::LinkError;

use access_token::AccessTokens;
use hashing::Hashing;

/// What the module is told when it is put together.
#[derive(Clone, Debug)]
pub struct UsersSettings {
    /// The keys that sign access tokens; the first signs, all verify.
    pub signing_keys: SigningKeys,
    /// Who issues access tokens: the product's public address.
    pub issuer: String,
    /// Whom access tokens are for: the API's address.
    pub audience: String,
}

/// The module; cheap to clone.
#[derive(Clone)]
pub struct Users {
    db: Db,
    events: Events,
    jobs: Jobs,
    storage: Storage,
    mailer: Mailer,
    letterhead: Letterhead,
    flags: Flags,
    clock: Clock,
    entropy: Entropy,
    hashing: Hashing,
    access_tokens: Arc<AccessTokens>,
}

impl Users {
    /// The module on `platform`.
    #[must_use]
    pub fn new(platform: &Platform, settings: UsersSettings) -> Self {
        let access_tokens =
            AccessTokens::new(settings.signing_keys, settings.issuer, settings.audience);
        Self {
            db: platform.db.clone(),
            events: platform.events.clone(),
            jobs: platform.jobs.clone(),
            storage: platform.storage.clone(),
            mailer: platform.mailer.clone(),
            letterhead: platform.letterhead.clone(),
            flags: platform.flags.clone(),
            clock: platform.clock.clone(),
            entropy: platform.entropy.clone(),
            hashing: Hashing::new(platform.entropy.clone()),
            access_tokens: Arc::new(access_tokens),
        }
    }

    /// The public keys of access tokens as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn public_keys(&self) -> serde_json::Value {
        self.access_tokens.keys().public_set()
    }
}
