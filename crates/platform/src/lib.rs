//! Adapters over the outside world: PostgreSQL, Redis, object storage, mail, other people's HTTP, background jobs.
//!
//! # Invariants
//! - Every call that leaves the process has a deadline.
//! - An event is published and a job enqueued only inside a transaction, so what was rolled back has no consequences.
//! - Whatever Redis holds may be lost at any time.
//!
//! # What this crate must not know
//! The domain modules, their tables and their events; HTTP requests, cookies and HTML.

pub mod audit;
pub mod backfills;
pub mod backups;
pub mod correlation;
pub mod db;
pub mod events;
pub mod flags;
pub mod idempotency;
pub mod jobs;
pub mod mail;
pub mod migrations;
pub mod outbound;
pub mod redis;
pub mod sessions;
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use kernel::{Clock, Entropy};

/// The migrations of the schema `platform`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/platform");

/// Whether somewhere in `error`'s chain Redis, object storage or a partner behind HTTP did not answer, or answered that it
/// does not work. Trying again later helps. For PostgreSQL see [`db::is_overload`].
#[must_use]
pub fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        if let Some(error) = cause.downcast_ref::<redis::RedisError>() {
            error.is_passing()
        } else if let Some(error) = cause.downcast_ref::<storage::StorageError>() {
            error.is_passing()
        } else {
            let error = cause.downcast_ref::<outbound::OutboundError>();
            error.is_some_and(outbound::OutboundError::is_passing)
        }
    })
}

/// Everything that a module may need from the outside world; cheap to clone.
#[derive(Clone)]
pub struct Platform {
    /// PostgreSQL.
    pub db: db::Db,
    /// Where modules publish what has happened.
    pub events: events::Events,
    /// Where modules leave what has yet to be done.
    pub jobs: jobs::Jobs,
    /// Object storage.
    pub storage: storage::Storage,
    /// Outgoing mail.
    pub mailer: mail::Mailer,
    /// How letters introduce themselves.
    pub letterhead: mail::Letterhead,
    /// HTTP to others.
    pub outbound: outbound::Outbound,
    /// Redis.
    pub redis: redis::Redis,
    /// Signed-in browsers.
    pub sessions: sessions::Sessions,
    /// Feature flags.
    pub flags: flags::Flags,
    /// Who did what.
    pub audit: audit::Audit,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
}
