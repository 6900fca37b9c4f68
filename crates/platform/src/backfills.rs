//! Backfills: what every row of a table needs once, such as a value in a column that a migration has added.
//!
//! A migration holds its locks until it commits, so it never writes rows (requirement B10). A backfill walks along the
//! table's key instead, in batches of at most [`MAX_BATCH`] rows, with a rest after each. Every batch is a job: its
//! writes, how far it came and the job of the next batch commit together. So whoever ends the process between two batches
//! loses nothing, whoever ends it within one has that batch undone, and no row is done twice.
//!
//! 1. Declare it in the module's `backfills.rs`: `impl Backfill for FillSearch { … }`, with its SQL in `db`.
//! 2. List it in the server's `backfills.rs`.
//! 3. Once the release that writes the new column has replaced the one before everywhere: `server backfill run NAME`.
//! 4. In a later release, the migration that relies on it says `-- requires backfill: NAME`: see [`require_for`].

mod db;
mod pace;
mod requirement;
mod run;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kernel::{Clock, JobId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::pace::{MAX_BATCH, Pace};
pub use self::requirement::require_for;
pub use self::run::RunBatch;
pub use self::standing::{Standing, State};
use crate::Platform;
use crate::db::{Db, Tx};
use crate::jobs::{Job as _, Jobs};

/// What every row of a table needs once.
pub trait Backfill: 'static {
    /// The stable name, `<module>.<what_is_done>`. Rows and migrations keep it, so it outlives the Rust type's name.
    const NAME: &'static str;
    /// Raised when what it does has changed so that every row needs it again.
    const VERSION: i16 = 1;
    /// The table that it walks along, `schema.table`. PostgreSQL is asked how many rows there are about.
    const TABLE: &'static str;
    /// What the table is walked along by: a key that is unique, has an index, and never changes.
    type Key: Serialize + DeserializeOwned + Send;

    /// Looks at the first `limit` rows behind `after` and gives those what they need that have it not. It must not wait
    /// for anything but the database: until it has ended, other transactions wait for its rows.
    fn batch(
        tx: &mut Tx,
        after: Option<Self::Key>,
        limit: i64,
    ) -> impl Future<Output = anyhow::Result<Batch<Self::Key>>> + Send;
}

/// What one batch has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<K> {
    /// The key of the last row that it looked at, if there was any.
    pub last: Option<K>,
    /// How many rows it looked at. Fewer than it might have: there are no more.
    pub looked_at: i64,
    /// How many of them needed something.
    pub changed: i64,
}

/// Why nothing was changed about a backfill.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// The code declares none of that name.
    #[error("there is no such backfill: choose from {}", .0.join(", "))]
    Unknown(Vec<&'static str>),
    /// It was started and is not paused: it runs, or its job was given up.
    #[error(
        "it was started already: `status` says how far it is, and `resume` has it go on if it has failed"
    )]
    Running,
    /// It waits to be resumed.
    #[error("it is paused: resume it, and it goes on where it was")]
    Paused,
    /// It has seen every row, and the new release writes what it is about by itself.
    #[error("it is complete: say --again if every row needs it once more")]
    Complete,
    /// Nobody has started it.
    #[error("it is not running")]
    NotRunning,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

type Work =
    for<'a> fn(&'a mut Tx, Option<Value>, i64) -> BoxFuture<'a, anyhow::Result<Batch<Value>>>;

/// A [`Backfill`] without its type.
#[derive(Clone, Copy)]
struct Declared {
    name: &'static str,
    version: i16,
    table: &'static str,
    work: Work,
}

/// Every backfill that the code declares, and what becomes of them.
pub struct Backfills {
    declared: BTreeMap<&'static str, Declared>,
    db: Db,
    jobs: Jobs,
    clock: Clock,
    pace: Pace,
}

impl Backfills {
    /// None yet.
    #[must_use]
    pub fn new(platform: &Platform) -> Self {
        Self {
            declared: BTreeMap::new(),
            db: platform.db.clone(),
            jobs: platform.jobs.clone(),
            clock: platform.clock.clone(),
            pace: Pace::default(),
        }
    }

    /// Adds one.
    ///
    /// # Panics
    /// If there is one of the same name: a mistake in the source, found by whoever starts the program first.
    #[must_use]
    pub fn with<B: Backfill>(mut self) -> Self {
        let declared = Declared {
            name: B::NAME,
            version: B::VERSION,
            table: B::TABLE,
            work: |tx, after, limit| untyped::<B>(tx, after, limit).boxed(),
        };
        let previous = self.declared.insert(B::NAME, declared);
        assert!(previous.is_none(), "two backfills are called {}", B::NAME);
        self
    }

    /// The same at another pace.
    #[must_use]
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Name and table of each.
    pub fn declared(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.declared
            .values()
            .map(|declared| (declared.name, declared.table))
    }

    /// Has a worker begin it, at the first row. One that is paused or complete begins there once more only if told to do it
    /// `again`, or if the code's version is another one since.
    pub async fn start(&self, name: &str, again: bool) -> Result<(), BackfillError> {
        let declared = self.find(name)?;
        let mut tx = self.db.begin().await?;
        let known = db::lock(&mut tx, name).await.context("lock backfill")?;
        let of_this_version = |known: &&db::Known| known.version == declared.version;
        match known.as_ref().filter(of_this_version).map(|it| it.state) {
            Some(State::Running) => return Err(BackfillError::Running),
            Some(State::Paused) if !again => return Err(BackfillError::Paused),
            Some(State::Complete) if !again => return Err(BackfillError::Complete),
            _ => {}
        }
        let begun = db::Begun {
            name: declared.name,
            version: declared.version,
            batch_size: self.pace.first,
            job_id: self
                .enqueue(&mut tx, declared.name, self.clock.now())
                .await?,
            instead_of: known.map(|known| known.job_id),
            at: self.clock.now(),
        };
        let begun = db::begin(&mut tx, &begun).await.context("begin backfill")?;
        if !begun {
            return Err(BackfillError::Running);
        }
        tx.commit().await.context("commit backfill")?;
        Ok(())
    }

    /// Has it stop after the batch that is being done, if one is.
    pub async fn pause(&self, name: &str) -> Result<(), BackfillError> {
        self.find(name)?;
        let mut tx = self.db.begin().await?;
        // Waits until the batch has committed: it holds the same lock.
        let known = db::lock(&mut tx, name).await.context("lock backfill")?;
        match known.map(|known| known.state) {
            Some(State::Running) => {}
            Some(State::Paused) => return Err(BackfillError::Paused),
            _ => return Err(BackfillError::NotRunning),
        }
        db::pause(&mut tx, name).await.context("pause backfill")?;
        tx.commit().await.context("commit backfill")?;
        Ok(())
    }

    /// Has it go on where it was: after a pause, or after its job was given up.
    pub async fn resume(&self, name: &str) -> Result<(), BackfillError> {
        let declared = self.find(name)?;
        let mut tx = self.db.begin().await?;
        let known = db::lock(&mut tx, name).await.context("lock backfill")?;
        let known = known.ok_or(BackfillError::NotRunning)?;
        match known.state {
            State::Complete => return Err(BackfillError::Complete),
            State::Running if self.is_alive(&mut tx, known.job_id).await? => {
                return Err(BackfillError::Running);
            }
            _ => {}
        }
        self.jobs.discard_dead(&mut tx, known.job_id).await?;
        let job_id = self
            .enqueue(&mut tx, declared.name, self.clock.now())
            .await?;
        db::resume(&mut tx, name, job_id)
            .await
            .context("resume backfill")?;
        tx.commit().await.context("commit backfill")?;
        Ok(())
    }

    /// Does one batch, without noting that it was done.
    ///
    /// # Errors
    /// If there is none of that name, or it fails.
    #[cfg(any(test, feature = "testing"))]
    pub async fn try_batch(
        &self,
        name: &str,
        tx: &mut Tx,
        after: Option<Value>,
        limit: i64,
    ) -> anyhow::Result<Batch<Value>> {
        (self.find(name)?.work)(tx, after, limit).await
    }

    fn find(&self, name: &str) -> Result<&Declared, BackfillError> {
        let unknown = || BackfillError::Unknown(self.declared.keys().copied().collect());
        self.declared.get(name).ok_or_else(unknown)
    }

    async fn is_alive(&self, tx: &mut Tx, job_id: JobId) -> anyhow::Result<bool> {
        let state = db::state_of_job(tx, job_id).await.context("look at job")?;
        Ok(state.is_some_and(|state| state == "ready" || state == "running"))
    }

    /// Enqueues the next batch, not before `run_at`.
    async fn enqueue(
        &self,
        tx: &mut Tx,
        name: &str,
        run_at: DateTime<Utc>,
    ) -> anyhow::Result<JobId> {
        let batch = RunBatch {
            name: name.to_owned(),
        };
        self.jobs
            .insert(tx, RunBatch::KIND, &batch.into_row(run_at)?)
            .await
    }
}

async fn untyped<B: Backfill>(
    tx: &mut Tx,
    after: Option<Value>,
    limit: i64,
) -> anyhow::Result<Batch<Value>> {
    // Not fuzzed: what the batch before has written.
    let after = after.map(serde_json::from_value).transpose();
    let batch = B::batch(tx, after.context("read key")?, limit).await?;
    let last = batch.last.map(serde_json::to_value).transpose();
    Ok(Batch {
        last: last.context("write key")?,
        looked_at: batch.looked_at,
        changed: batch.changed,
    })
}
