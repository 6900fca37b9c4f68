//! Events: what has happened, published in the transaction that made it true.
//!
//! A module publishes facts about itself and knows nobody who reacts. Publishing writes one row for the event and one job
//! for each reaction that the server's choreography subscribed, so each reaction is retried alone.

mod db;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{Clock, Entropy, EventId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::correlation;
use crate::db::Tx;
use crate::jobs::{Jobs, NewJob, Queue};

/// After how many failed runs a reaction is dead.
const MAX_ATTEMPTS: i16 = 20;

/// A fact about a module, self-contained: whoever reacts needs no further question.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The stable name, `<module>.<what_happened>`. Rows keep it, so it outlives the Rust type's name.
    const NAME: &'static str;
    /// Raised when a reader of the previous release could no longer understand the payload.
    const VERSION: i16 = 1;
}

/// An event as a reaction receives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope<E> {
    /// The same for every reaction to the event and for every retry.
    pub id: EventId,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// What happened.
    pub event: E,
}

/// Which reactions each event causes, by name.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions(BTreeMap<&'static str, Vec<&'static str>>);

impl Subscriptions {
    /// Adds a reaction: a job of kind `reaction` for each event called `event`.
    pub fn add(&mut self, event: &'static str, reaction: &'static str) {
        self.0.entry(event).or_default().push(reaction);
    }

    /// Every pair of event and reaction.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.0
            .iter()
            .flat_map(|(event, reactions)| reactions.iter().map(|reaction| (*event, *reaction)))
    }
}

/// Where modules publish; cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    subscriptions: Arc<Subscriptions>,
    jobs: Jobs,
    clock: Clock,
    entropy: Entropy,
}

impl Events {
    /// A publisher for these subscriptions.
    #[must_use]
    pub fn new(subscriptions: Subscriptions, jobs: Jobs, clock: Clock, entropy: Entropy) -> Self {
        Self {
            subscriptions: Arc::new(subscriptions),
            jobs,
            clock,
            entropy,
        }
    }

    /// Publishes `event`. It takes a transaction because an event without its cause, or a cause without its event, would
    /// be a lie.
    ///
    /// # Errors
    /// If the event cannot be stored.
    pub async fn publish<E: Event>(&self, tx: &mut Tx, event: &E) -> anyhow::Result<EventId> {
        let envelope = Envelope {
            id: EventId::generate(&self.clock, &self.entropy),
            occurred_at: self.clock.now(),
            event,
        };
        let correlation_id = correlation::current();
        let payload = serde_json::to_value(event).context("write event as JSON")?;
        db::insert(
            tx,
            envelope.id,
            E::NAME,
            E::VERSION,
            &payload,
            correlation_id.as_deref(),
            envelope.occurred_at,
        )
        .await
        .context("insert event")?;
        self.deliver(tx, &envelope).await?;
        Ok(envelope.id)
    }

    /// Leaves an event with everybody who reacts to it, each once: the key of the job is the inbox, so that a second
    /// delivery finds the first.
    async fn deliver<E: Event>(&self, tx: &mut Tx, envelope: &Envelope<&E>) -> anyhow::Result<()> {
        let reactions = self.subscriptions.0.get(E::NAME);
        let Some(reactions) = reactions.filter(|reactions| !reactions.is_empty()) else {
            return Ok(());
        };
        let job = NewJob {
            version: E::VERSION,
            queue: Queue::Default,
            max_attempts: MAX_ATTEMPTS,
            payload: serde_json::to_value(envelope).context("write reactions as JSON")?,
            unique_key: Some(envelope.id.to_string()),
            run_at: envelope.occurred_at,
            priority: 0,
        };
        self.jobs.insert_kinds(tx, reactions, &job).await
    }

    /// Deletes up to 1,000 events that are older than `before`; returns how many there were.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn purge(&self, tx: &mut Tx, before: DateTime<Utc>) -> anyhow::Result<u64> {
        db::purge(tx, before).await.context("purge events")
    }
}
