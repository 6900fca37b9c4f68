//! All SQL of this module, by aggregate.

pub(crate) mod accounts;
pub(crate) mod avatars;
pub(crate) mod links;
pub(crate) mod tokens;

/// The migrations of the schema `users`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/users");
