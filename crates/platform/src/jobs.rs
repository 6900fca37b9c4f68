//! Background jobs in PostgreSQL: enqueued in the transaction that wants them, run at least once, completed in the
//! transaction of their own writes.
//!
//! Three pieces are all that a module sees:
//! 1. declare the payload: `impl Job for SendInvoice { const KIND: &str = "billing.send_invoice"; … }`;
//! 2. [`Jobs::enqueue`] it in the transaction that makes it necessary;
//! 3. write the handler, `async fn send_invoice(self, run: JobRun, job: SendInvoice) -> JobResult`, which ends in
//!    [`JobRun::complete`]. There is no other way to a [`Done`], so no run can forget to be fenced.
//!
//! The server lists the handlers in a [`Registry`] and runs them with [`Worker`]. `docs/decisions/0003-job-backend.md`
//! tells why this stands on a table of our own with apalis as the runtime.

mod backend;
mod backoff;
mod db;
mod registry;
mod run;
mod runner;
mod schedule;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod timing;
mod worker;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{Clock, Entropy, JobId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

pub use registry::Registry;
pub use run::{Done, JobError, JobResult, JobRun};
pub(crate) use runner::UNKNOWN_PAUSE;
pub use runner::{Outcome, Report, Runner};
pub use timing::Timing;
pub use worker::{Worker, WorkerSettings};

use crate::correlation;
use crate::db::Tx;

/// A piece of background work: its payload, and how it is queued.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stable name, `<module>.<what_is_done>`. Rows keep it, so it outlives the Rust type's name.
    const KIND: &'static str;
    /// Whom it waits with.
    const QUEUE: Queue;
    /// Raised when a worker of the previous release could no longer understand the payload; it then leaves the job alone.
    const VERSION: i16 = 1;
    /// After how many failed runs it is dead.
    const MAX_ATTEMPTS: i16 = 20;
}

/// Where jobs wait. Each queue has workers of its own, so slow documents do not delay mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// Reactions to events and everything short.
    Default,
    /// Letters.
    Mail,
    /// What takes processor time: PDFs, thumbnails.
    Documents,
    /// What nobody waits for: reports, retention.
    Reports,
    /// Calls to endpoints of customers, which may all be slow at once.
    Webhooks,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 5] = [
        Self::Default,
        Self::Mail,
        Self::Documents,
        Self::Reports,
        Self::Webhooks,
    ];

    /// The stable name, as rows and metrics have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Mail => "mail",
            Self::Documents => "documents",
            Self::Reports => "reports",
            Self::Webhooks => "webhooks",
        }
    }
}

/// How to enqueue a job other than plainly.
#[derive(Clone, Debug, Default)]
pub struct Enqueue {
    /// If a job of the same kind holds this key already, nothing is enqueued.
    pub unique_key: Option<String>,
    /// Not before this time; at once where `None`.
    pub run_at: Option<DateTime<Utc>>,
    /// Larger runs first, within the queue.
    pub priority: i16,
}

/// A job that was given up.
#[derive(Clone, Debug)]
pub struct DeadJob {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// What it was to do.
    pub payload: Value,
    /// How many runs were begun.
    pub attempts: i16,
    /// How many of them ended with their worker.
    pub deaths: i16,
    /// What the last run said.
    pub error: String,
    /// When it was given up.
    pub died_at: Option<DateTime<Utc>>,
}

/// What jobs that are inserted together have in common: all but their kinds and ids.
pub(crate) struct NewJob {
    pub(crate) version: i16,
    pub(crate) queue: Queue,
    pub(crate) max_attempts: i16,
    pub(crate) payload: Value,
    pub(crate) unique_key: Option<String>,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) priority: i16,
}

/// Where modules leave work; cheap to clone.
#[derive(Clone, Debug)]
pub struct Jobs {
    clock: Clock,
    entropy: Entropy,
}

impl Jobs {
    /// A place to leave work.
    #[must_use]
    pub fn new(clock: Clock, entropy: Entropy) -> Self {
        Self { clock, entropy }
    }

    /// Enqueues `job`, to be run once `tx` has committed.
    ///
    /// # Errors
    /// If the job cannot be stored.
    pub async fn enqueue<J: Job>(&self, tx: &mut Tx, job: &J) -> anyhow::Result<()> {
        self.enqueue_with(tx, job, Enqueue::default()).await
    }

    /// Enqueues `job` later, with a priority, or once for a key.
    ///
    /// # Errors
    /// If the job cannot be stored. A key that is taken is not an error: the work is already waiting or done.
    pub async fn enqueue_with<J: Job>(
        &self,
        tx: &mut Tx,
        job: &J,
        how: Enqueue,
    ) -> anyhow::Result<()> {
        let row = NewJob {
            version: J::VERSION,
            queue: J::QUEUE,
            max_attempts: J::MAX_ATTEMPTS,
            payload: serde_json::to_value(job).context("write job as JSON")?,
            unique_key: how.unique_key,
            run_at: how.run_at.unwrap_or_else(|| self.clock.now()),
            priority: how.priority,
        };
        self.insert(tx, J::KIND, &row).await?;
        Ok(())
    }

    /// Enqueues a job and returns its id, which no row has if its unique key was taken.
    pub(crate) async fn insert(
        &self,
        tx: &mut Tx,
        kind: &str,
        job: &NewJob,
    ) -> anyhow::Result<JobId> {
        let id = JobId::generate(&self.clock, &self.entropy);
        self.insert_each(tx, &[id.as_uuid()], &[kind], job).await?;
        Ok(id)
    }

    /// Enqueues a job of each kind, in as many statements as one job takes.
    pub(crate) async fn insert_kinds(
        &self,
        tx: &mut Tx,
        kinds: &[&str],
        job: &NewJob,
    ) -> anyhow::Result<()> {
        let new_id = |_| JobId::generate(&self.clock, &self.entropy).as_uuid();
        let ids: Vec<_> = kinds.iter().map(new_id).collect();
        self.insert_each(tx, &ids, kinds, job).await
    }

    async fn insert_each(
        &self,
        tx: &mut Tx,
        ids: &[Uuid],
        kinds: &[&str],
        job: &NewJob,
    ) -> anyhow::Result<()> {
        let now = self.clock.now();
        let correlation_id = correlation::current();
        let new = db::insert(tx, ids, kinds, job, correlation_id.as_deref(), now)
            .await
            .with_context(|| format!("insert jobs {kinds:?}"))?;
        if new {
            db::notify(tx, job.queue.as_str(), job.run_at, now)
                .await
                .context("notify workers")?;
        }
        Ok(())
    }

    /// The jobs that were given up, the latest first, at most `limit`: a person has to look at each.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn list_dead(&self, tx: &mut Tx, limit: i64) -> anyhow::Result<Vec<DeadJob>> {
        db::list_dead(tx, limit).await.context("list dead jobs")
    }

    /// Has a dead job run again, with all its attempts; returns whether there was one.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn retry_dead(&self, tx: &mut Tx, id: JobId) -> anyhow::Result<bool> {
        let now = self.clock.now();
        let Some(queue) = db::revive(tx, id, now).await.context("revive job")? else {
            return Ok(false);
        };
        db::notify(tx, &queue, now, now)
            .await
            .context("notify workers")?;
        Ok(true)
    }

    /// Deletes a dead job for good; returns whether there was one.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn discard_dead(&self, tx: &mut Tx, id: JobId) -> anyhow::Result<bool> {
        db::discard(tx, id).await.context("discard job")
    }

    /// Deletes up to 1,000 jobs that were done before `before`; returns how many there were. A dead job stays: what
    /// becomes of it is for a person to decide.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn purge(&self, tx: &mut Tx, before: DateTime<Utc>) -> anyhow::Result<u64> {
        db::purge(tx, before).await.context("purge jobs")
    }
}
