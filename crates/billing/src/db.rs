//! All SQL that names the tables of the schema `billing`.

pub(crate) mod invoices;
pub(crate) mod ledger;
pub(crate) mod mismatches;
pub(crate) mod payments;
pub(crate) mod reconciliation;
pub(crate) mod refunds;
pub(crate) mod webhook_events;

use kernel::Money;

/// The migrations of the schema `billing`.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/billing");

/// A row holds what this version of the program cannot read; only a newer one can have written it.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

fn money(minor: i64, currency: &str) -> sqlx::Result<Money> {
    Ok(Money::new(minor, currency.parse().map_err(unreadable)?))
}

/// A statement that must change exactly one row has.
fn one_row(result: sqlx::postgres::PgQueryResult) -> sqlx::Result<()> {
    match result.rows_affected() {
        1 => Ok(()),
        _ => Err(sqlx::Error::RowNotFound),
    }
}
