//! All SQL of the module. Nothing here commits, and nothing here decides.

pub(crate) mod deliveries;
pub(crate) mod endpoints;

/// The migrations of the schema `webhooks`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/webhooks");
