use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{BackfillError, Backfills, db};
use crate::db::Connection;

/// What a backfill is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has started it, or not in this version.
    NotRun,
    /// It is done batch by batch.
    Running,
    /// Somebody has told it to wait.
    Paused,
    /// Its job was given up: it goes on once it is resumed.
    Failed,
    /// It has seen every row.
    Complete,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRun => "not run",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Complete => "complete",
        })
    }
}

/// How far a backfill has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// Rows that it has looked at.
    pub looked_at: i64,
    /// How many of them needed something.
    pub changed: i64,
    /// In how many transactions.
    pub batches: i64,
    /// How many rows its table has, as far as PostgreSQL's statistics know; counting them would read them all.
    pub rows: Option<i64>,
    /// The key of the last row that it has looked at.
    pub last_key: Option<Value>,
    /// How many rows the next batch looks at.
    pub batch_size: i32,
    /// When it was started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it had seen every row.
    pub finished_at: Option<DateTime<Utc>>,
    /// When the next batch is due.
    pub next_at: Option<DateTime<Utc>>,
    /// Why the last batch was not done.
    pub error: Option<String>,
}

impl Standing {
    fn not_run(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: State::NotRun,
            looked_at: 0,
            changed: 0,
            batches: 0,
            rows: None,
            last_key: None,
            batch_size: 0,
            started_at: None,
            finished_at: None,
            next_at: None,
            error: None,
        }
    }

    /// About how many rows it has yet to look at.
    #[must_use]
    pub fn remaining(&self) -> Option<i64> {
        match self.state {
            State::Complete => Some(0),
            _ => self.rows.map(|rows| (rows - self.looked_at).max(0)),
        }
    }
}

impl Backfills {
    /// Every backfill that the code declares, and those of releases before.
    pub async fn list(&self) -> anyhow::Result<Vec<Standing>> {
        let mut connection = self.db.acquire().await?;
        let rows = db::list(&mut connection).await.context("list backfills")?;
        let begun = rows.into_iter().map(|row| (row.name.clone(), row));
        let mut begun: BTreeMap<_, _> = begun.collect();
        let mut standings = Vec::new();
        for declared in self.declared.values() {
            let row = begun.remove(declared.name);
            let of_this_version = row.filter(|row| row.version == declared.version);
            let standing = of_this_version.map(Standing::try_from).transpose()?;
            let standing = standing.unwrap_or_else(|| Standing::not_run(declared.name));
            let rows = estimate(&mut connection, declared.table).await?;
            standings.push(Standing { rows, ..standing });
        }
        for row in begun.into_values() {
            standings.push(row.try_into()?);
        }
        standings.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(standings)
    }

    /// How far the backfill called `name` has come.
    pub async fn get(&self, name: &str) -> Result<Standing, BackfillError> {
        self.find(name)?;
        let mut standings = self.list().await?;
        standings.retain(|standing| standing.name == name);
        Ok(standings.pop().context("a declared backfill is listed")?)
    }
}

async fn estimate(connection: &mut Connection, table: &str) -> anyhow::Result<Option<i64>> {
    let rows = db::estimate_rows(connection, table).await;
    // Less than zero: nobody has analysed the table yet.
    Ok(rows.context("estimate rows")?.filter(|rows| *rows >= 0))
}
