//! The payment provider: a REST API, a hosted page and webhooks, as Stripe has them.

mod api;
mod error;
mod form;
mod ledger;
mod objects;
mod page;
mod requests;
mod signature;
mod webhooks;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, http::StatusCode};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::form::Form;
pub(crate) use self::{
    ledger::{Checkout, Fact, Ledger},
    objects::{Charge, Refund, SessionStatus},
    webhooks::{Delivery, DeliveryState, Event, Manner, Webhooks},
};
use crate::{App, Settings, behaviour::Switch, recent::Recent, world::Clock};

/// How often sessions are looked over for those whose time is up.
const EXPIRY_ROUND: Duration = Duration::from_secs(1);

pub(crate) struct Payments {
    pub(crate) webhooks: Arc<Webhooks>,
    /// How the REST API behaves; the hosted page is always well.
    pub(crate) switch: Switch,
    api_key: String,
    public_url: String,
    slow_payment: Duration,
    clock: Clock,
    books: Mutex<Books>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// Under one lock, so that two requests with the same key cannot both be the first.
struct Books {
    ledger: Ledger,
    replies: Recent<Reply>,
}

/// The answer to a request that carried an idempotency key.
struct Reply {
    key: String,
    path: String,
    form: Form,
    body: Value,
    status: StatusCode,
}

impl Payments {
    pub(crate) fn new(
        settings: &Settings,
        public_url: String,
        webhooks: Arc<Webhooks>,
        tasks: TaskTracker,
        stopping: CancellationToken,
    ) -> Self {
        let clock = settings.clock.clone();
        Self {
            webhooks,
            switch: Switch::default(),
            api_key: settings.api_key.clone(),
            public_url,
            slow_payment: settings.slow_payment,
            books: Mutex::new(Books {
                ledger: Ledger::new(clock.clone(), settings.kept),
                replies: Recent::new(settings.kept),
            }),
            clock,
            tasks,
            stopping,
        }
    }

    /// Looks at the ledger, or changes it. The lock is held for the length of `work`.
    pub(crate) fn with_ledger<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut self.books().ledger)
    }

    /// Ends sessions whose time is up, for as long as the sandbox runs.
    pub(crate) async fn expire_sessions(self: Arc<Self>) {
        loop {
            tokio::time::sleep(EXPIRY_ROUND).await;
            let facts = self.with_ledger(Ledger::expire_overdue);
            self.announce(facts);
        }
    }

    /// Sends each fact. The receiver hears when the first has been answered once.
    fn announce(&self, facts: impl IntoIterator<Item = Fact>) -> Option<oneshot::Receiver<()>> {
        let sent: Vec<_> = facts
            .into_iter()
            .map(|fact| self.webhooks.send(fact))
            .collect();
        sent.into_iter().next()
    }

    /// `None` if the sandbox stopped first.
    async fn unless_stopping<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stopping.run_until_cancelled(work).await
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn routes(payments: &Arc<Payments>) -> Router<App> {
    api::routes(payments).merge(page::routes())
}
