use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::schedule::Schedule;
use super::{Job, JobError, JobResult, JobRun};
use crate::events::{Envelope, Event, Subscriptions};

type Handle<A> = Arc<dyn Fn(A, JobRun, Value) -> BoxFuture<'static, JobResult> + Send + Sync>;

/// The handlers of every kind of job, the reactions to every event, and the schedules.
///
/// `A` is the application that handlers are given when they run, so the list can be written before the application
/// exists: publishing needs to know the reactions, and the reactions need what publishes.
pub struct Registry<A> {
    handlers: BTreeMap<&'static str, Handler<A>>,
    subscriptions: Subscriptions,
    pub(super) schedules: Vec<Schedule>,
}

pub(super) struct Handler<A> {
    pub(super) version: i16,
    pub(super) handle: Handle<A>,
    #[cfg(any(test, feature = "testing"))]
    rewrite: fn(Value) -> anyhow::Result<Value>,
}

/// Reads a payload as a handler does, and writes it as whoever enqueues does.
#[cfg(any(test, feature = "testing"))]
fn rewrite<P: Serialize + DeserializeOwned>(payload: Value) -> anyhow::Result<Value> {
    // Not fuzzed: a test reads what a release has written.
    let payload: P = serde_json::from_value(payload).context("read the payload")?;
    serde_json::to_value(&payload).context("write the payload")
}

impl<A: Send + 'static> Default for Registry<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Send + 'static> Registry<A> {
    /// No jobs yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            handlers: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            schedules: Vec::new(),
        }
    }

    /// Runs jobs of type `J` with `handler`.
    #[must_use]
    pub fn job<J, F, Fut>(mut self, handler: F) -> Self
    where
        J: Job,
        F: Fn(A, JobRun, J) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = JobResult> + Send + 'static,
    {
        self.insert(J::KIND, J::VERSION, handler);
        self
    }

    /// Runs `handler` for each event of type `E`, as a job called `name` that is retried alone.
    #[must_use]
    pub fn reaction<E, F, Fut>(mut self, name: &'static str, handler: F) -> Self
    where
        E: Event,
        F: Fn(A, JobRun, Envelope<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = JobResult> + Send + 'static,
    {
        self.subscriptions.add(E::NAME, name);
        self.insert(name, E::VERSION, handler);
        self
    }

    /// Enqueues `job` at the times of `cron` (five fields, UTC), once for each time however many workers run.
    ///
    /// # Panics
    /// If `cron` is no cron expression.
    #[must_use]
    pub fn schedule<J: Job>(mut self, cron: &str, job: &J) -> Self {
        self.schedules.push(Schedule::new(cron, job));
        self
    }

    /// Which reactions each event causes: what [`crate::events::Events`] is made from.
    #[must_use]
    pub fn subscriptions(&self) -> Subscriptions {
        self.subscriptions.clone()
    }

    /// The kinds that have a handler.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.handlers.keys().copied()
    }

    /// What this release would write, had it written `payload`; an error if it cannot read it.
    ///
    /// # Errors
    /// If no handler of that kind can read it.
    #[cfg(any(test, feature = "testing"))]
    pub fn rewrite(&self, kind: &str, payload: Value) -> anyhow::Result<Value> {
        let handler = self.handler(kind).context("nobody handles this kind")?;
        (handler.rewrite)(payload)
    }

    pub(super) fn handler(&self, kind: &str) -> Option<&Handler<A>> {
        self.handlers.get(kind)
    }

    fn insert<P, F, Fut>(&mut self, kind: &'static str, version: i16, handler: F)
    where
        P: Serialize + DeserializeOwned,
        F: Fn(A, JobRun, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = JobResult> + Send + 'static,
    {
        let handle: Handle<A> = Arc::new(move |app, run, payload| {
            // Not fuzzed: our own rows, of this release or the one before, whose payloads `worker/payloads.json` holds.
            match serde_json::from_value(payload).context("read the job's payload") {
                Ok(payload) => handler(app, run, payload).boxed(),
                Err(error) => async { Err(JobError::Fail(error)) }.boxed(),
            }
        });
        let handler = Handler {
            version,
            handle,
            #[cfg(any(test, feature = "testing"))]
            rewrite: rewrite::<P>,
        };
        let previous = self.handlers.insert(kind, handler);
        assert!(previous.is_none(), "two handlers for jobs of kind {kind}");
    }
}
