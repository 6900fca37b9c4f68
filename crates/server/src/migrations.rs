//! Every schema's migrations.

use platform::migrations::Pending;
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

/// A plan for people: each file with what it says.
#[must_use]
pub fn told(plan: &[Pending]) -> String {
    if plan.is_empty() {
        return "The database is up to date: nothing would run.".to_owned();
    }
    let files: Vec<_> = plan
        .iter()
        .map(|pending| {
            let how = if pending.in_transaction {
                "whole or not at all"
            } else {
                "in no transaction"
            };
            format!("-- {}, {how}\n\n{}", pending.file, pending.sql.trim_end())
        })
        .collect();
    files.join("\n\n")
}
