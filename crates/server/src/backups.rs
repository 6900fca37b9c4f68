//! What `deploy/backup` asks the product: to note what was done, what a database holds, and whether a restored one is whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::body::Body;
use clap::Subcommand;
use http::Request;
use platform::backups::{Backups, Census, Safeguard};
use tower::ServiceExt as _;

use crate::app::App;
use crate::http::router;
use crate::migrations;

/// What is asked.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Note that a backup is complete
    Record,
    /// Note that a backup was restored and found whole
    RecordRestore,
    /// Print how many rows each table holds and what they sum up to, as JSON
    Census,
    /// Fail, and say why, unless the database is whole: nothing is written
    Verify {
        /// A census of the moment that was restored to
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
}

/// Does `action` and tells what came of it.
///
/// # Errors
/// If the database cannot be reached, or is not whole.
pub async fn look_after(app: &App, action: &Action) -> anyhow::Result<String> {
    let backups = Backups::new(app.platform());
    match action {
        Action::Record => {
            backups.record(Safeguard::Backup).await?;
            Ok("The backup is on record.".to_owned())
        }
        Action::RecordRestore => {
            backups.record(Safeguard::VerifiedRestore).await?;
            Ok("The verified restore is on record.".to_owned())
        }
        Action::Census => Ok(serde_json::to_string_pretty(&backups.census().await?)?),
        Action::Verify { against } => verify(app, &backups, against.as_deref()).await,
    }
}

async fn verify(app: &App, backups: &Backups, against: Option<&Path>) -> anyhow::Result<String> {
    platform::migrations::require(&app.platform().db, &migrations::all()).await?;
    let census = backups.census().await?;
    let mut faults = Vec::new();
    if let Some(file) = against {
        faults.extend(census.differences(&read(file)?));
    }
    faults.extend(books(app).await?);
    let locked_out = app.users().count_locked_out().await?;
    if locked_out > 0 {
        faults.push(format!("nobody can sign in to {locked_out} accounts"));
    }
    faults.extend(page(app).await?);
    anyhow::ensure!(
        faults.is_empty(),
        "the database is not whole: {}",
        faults.join("; ")
    );
    let rows: i64 = census.0.values().map(|table| table.rows).sum();
    Ok(format!(
        "The database is whole: {rows} rows in {} tables, the books balance, and the shop answers.",
        census.0.len()
    ))
}

// Not fuzzed: what this program has printed.
fn read(file: &Path) -> anyhow::Result<Census> {
    let json = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_slice(&json).with_context(|| format!("{} is no census", file.display()))
}

/// What does not add up in the books.
async fn books(app: &App) -> anyhow::Result<Vec<String>> {
    let mut sums = BTreeMap::<&str, i64>::new();
    for account in app.billing().ledger_balance().await? {
        *sums.entry(account.balance.currency().code()).or_default() += account.balance.minor();
    }
    let unbalanced = sums.into_iter().filter(|(_, sum)| *sum != 0);
    let mut faults: Vec<_> = unbalanced
        .map(|(currency, sum)| format!("the ledger sums to {sum} in {currency} instead of 0"))
        .collect();
    let unbooked = app.billing().count_unbooked().await?;
    if unbooked > 0 {
        faults.push(format!(
            "{unbooked} payments and refunds were made and not booked, or booked and not made"
        ));
    }
    Ok(faults)
}

/// What is wrong with the page that everybody sees, made in this process from the database.
async fn page(app: &App) -> anyhow::Result<Option<String>> {
    let request = Request::get("/products").body(Body::empty())?;
    let answer = router(app.clone()).oneshot(request).await?;
    let status = answer.status();
    Ok((!status.is_success()).then(|| format!("the shop answers {status}")))
}

#[cfg(test)]
mod tests;
