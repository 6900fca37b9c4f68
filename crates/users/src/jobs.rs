//! The background work of this module: payloads here, each handler in the file of its use case.

use kernel::{EmailAddress, UserId};
use platform::jobs::{Job, Queue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Mails the link that verifies the person's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendVerification {
    /// The person.
    pub user_id: UserId,
}

impl Job for SendVerification {
    const KIND: &'static str = "users.send_verification";
    const QUEUE: Queue = Queue::Mail;
}

/// Tells the person that somebody tried to sign up with, or move to, the address that they have an account under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendAlreadyRegistered {
    /// The person.
    pub user_id: UserId,
}

impl Job for SendAlreadyRegistered {
    const KIND: &'static str = "users.send_already_registered";
    const QUEUE: Queue = Queue::Mail;
}

/// Mails the link that sets a new password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendPasswordReset {
    /// The person.
    pub user_id: UserId,
}

impl Job for SendPasswordReset {
    const KIND: &'static str = "users.send_password_reset";
    const QUEUE: Queue = Queue::Mail;
}

/// Tells the person that their password was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendPasswordChanged {
    /// The person.
    pub user_id: UserId,
}

impl Job for SendPasswordChanged {
    const KIND: &'static str = "users.send_password_changed";
    const QUEUE: Queue = Queue::Mail;
}

/// Mails the link that moves the account to a new address, to that address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendEmailChange {
    /// The person.
    pub user_id: UserId,
    /// Where they want to be written to.
    pub new_email: EmailAddress,
}

impl Job for SendEmailChange {
    const KIND: &'static str = "users.send_email_change";
    const QUEUE: Queue = Queue::Mail;
}

/// Tells the old address that the account has moved to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendEmailChanged {
    /// The person.
    pub user_id: UserId,
    /// Where they were written to.
    pub old_email: EmailAddress,
}

impl Job for SendEmailChanged {
    const KIND: &'static str = "users.send_email_changed";
    const QUEUE: Queue = Queue::Mail;
}

/// Makes the sizes of an uploaded picture that pages show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeThumbnails {
    /// Whose picture it is.
    pub user_id: UserId,
    /// The upload.
    pub avatar_id: Uuid,
}

impl Job for MakeThumbnails {
    const KIND: &'static str = "users.make_thumbnails";
    const QUEUE: Queue = Queue::Documents;
}

/// Deletes what nobody can use any more: expired links and tokens, uploads that were never finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeExpired {}

impl Job for PurgeExpired {
    const KIND: &'static str = "users.purge_expired";
    const QUEUE: Queue = Queue::Reports;
}
