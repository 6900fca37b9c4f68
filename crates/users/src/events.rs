//! What this module tells the others.

use kernel::{EmailAddress, UserId};
use platform::events::Event;
use serde::{Deserialize, Serialize};

/// Somebody has signed up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRegistered {
    /// The new person.
    pub user_id: UserId,
    /// Where they say they can be written to.
    pub email: EmailAddress,
    /// How they are addressed.
    pub name: String,
}

impl Event for UserRegistered {
    const NAME: &'static str = "users.user_registered";
}

/// Somebody has shown that they read their mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailVerified {
    /// The person.
    pub user_id: UserId,
    /// The mailbox.
    pub email: EmailAddress,
}

impl Event for EmailVerified {
    const NAME: &'static str = "users.email_verified";
}

/// A password was changed or reset; every session and token from before has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// The person.
    pub user_id: UserId,
}

impl Event for PasswordChanged {
    const NAME: &'static str = "users.password_changed";
}

/// Somebody is written to elsewhere from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChanged {
    /// The person.
    pub user_id: UserId,
    /// Where they were written to.
    pub old: EmailAddress,
    /// Where they are written to now.
    pub new: EmailAddress,
}

impl Event for EmailChanged {
    const NAME: &'static str = "users.email_changed";
}
