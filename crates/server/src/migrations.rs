//! Every schema's migrations.

use sqlx::migrate::Migrator;

/// Each module's history. In which order they are applied matters to nobody: no schema refers to another.
#[must_use]
pub fn all() -> Vec<&'static Migrator> {
    vec![
        &platform::MIGRATOR,
        &users::MIGRATOR,
        &orders::MIGRATOR,
        &billing::MIGRATOR,
        &webhooks::MIGRATOR,
    ]
}
