//! What the database can say about its own backups: when they were made, when one was last proven, and what is in each table.
//!
//! Making and restoring them is not this crate's: see `deploy/backup`.

mod db;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::Clock;
use serde::{Deserialize, Serialize};

use crate::Platform;
use crate::db::Db;

/// Something that has succeeded, and that nobody would miss until it is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safeguard {
    /// A backup is complete.
    Backup,
    /// A backup was restored and found whole.
    VerifiedRestore,
}

impl Safeguard {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::VerifiedRestore => "restore",
        }
    }
}

/// When each safeguard last held; `None` where it never did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Safeguards {
    /// The last complete backup.
    pub backup: Option<DateTime<Utc>>,
    /// The last restore that was found whole.
    pub verified_restore: Option<DateTime<Utc>>,
    /// When PostgreSQL last handed a segment of its log to the archive: what came after it would be lost with the machine.
    pub archived: Option<DateTime<Utc>>,
}

/// What one table holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// How many rows.
    pub rows: i64,
    /// The sum of a hash of each row: the same for the same rows, in whatever order they lie.
    pub checksum: String,
}

/// What every table of every schema holds, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census(pub BTreeMap<String, Contents>);

impl Census {
    /// Where `self` and `expected` differ, a sentence each.
    #[must_use]
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let tables = self.0.keys().chain(expected.0.keys());
        let mut differences: Vec<_> = tables
            .filter_map(|table| match (self.0.get(table), expected.0.get(table)) {
                (Some(here), Some(there)) if here == there => None,
                (Some(here), Some(there)) if here.rows == there.rows => Some(format!(
                    "{table} has {} rows, but not the same ones",
                    here.rows
                )),
                (Some(here), Some(there)) => Some(format!(
                    "{table} has {} rows instead of {}",
                    here.rows, there.rows
                )),
                (Some(_), None) => Some(format!("{table} should not exist")),
                (None, _) => Some(format!("{table} is missing")),
            })
            .collect();
        differences.sort();
        differences.dedup();
        differences
    }
}

/// Backups, as the database knows them; cheap to clone.
#[derive(Clone)]
pub struct Backups {
    db: Db,
    clock: Clock,
}

impl Backups {
    /// Backups of the database of `platform`.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self {
            db: platform.db.clone(),
            clock: platform.clock.clone(),
        }
    }

    /// Notes that `safeguard` holds as of now.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn record(&self, safeguard: Safeguard) -> anyhow::Result<()> {
        let mut connection = self.db.acquire().await?;
        db::record(&mut connection, safeguard.as_str(), self.clock.now())
            .await
            .context("record safeguard")
    }

    /// When each safeguard last held.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn safeguards(&self) -> anyhow::Result<Safeguards> {
        let mut connection = self.db.acquire().await?;
        db::safeguards(&mut connection)
            .await
            .context("read safeguards")
    }

    /// Counts and sums up every table. Reads the whole database, and writes nothing.
    ///
    /// # Errors
    /// If the database cannot be reached, or holds a table that the application may not read.
    pub async fn census(&self) -> anyhow::Result<Census> {
        let mut tx = self.db.begin().await?;
        db::take_time(&mut tx).await.context("read one moment")?;
        let census = db::census(&mut tx).await.context("count rows")?;
        tx.rollback().await.context("end the reading")?;
        Ok(census)
    }
}
