use chrono::{DateTime, Utc};
use kernel::{Actor, EmailAddress, Role, UserId};
use url::Url;

/// A person who is signed in, as every request needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    /// The person.
    pub id: UserId,
    /// What they may do.
    pub role: Role,
    /// How they are addressed.
    pub name: String,
    /// Where they are written to.
    pub email: EmailAddress,
    /// Whether they have shown that they read that mailbox.
    pub email_verified: bool,
    /// The generation that their sessions and tokens must carry to be good.
    pub session_generation: i32,
}

impl CurrentUser {
    /// Who they are, towards use cases.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            user_id: self.id,
            role: self.role,
        }
    }
}

/// Where a person is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Their address.
    pub email: EmailAddress,
    /// How a letter addresses them.
    pub name: String,
}

/// A person as their own account page shows them.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The person.
    pub id: UserId,
    /// Where they are written to.
    pub email: EmailAddress,
    /// Whether they have shown that they read that mailbox.
    pub email_verified: bool,
    /// How they are addressed.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Their picture.
    pub avatar: Avatar,
    /// When they signed up.
    pub created_at: DateTime<Utc>,
}

/// A person's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Avatar {
    /// None was uploaded.
    None,
    /// Uploaded; the sizes for pages are being made.
    Processing,
    /// Made. The addresses expire after some minutes.
    Ready {
        /// 256 pixels square.
        large: Url,
        /// 64 pixels square.
        small: Url,
    },
    /// Refused, with the reason in words for its owner.
    Rejected(String),
}
