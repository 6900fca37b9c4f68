//! Webhooks: customers register endpoints of theirs, and are told there of what happens to their orders.
//!
//! Messages are signed as the Standard Webhooks specification 1.0.0 says
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>), so receivers check them
//! with libraries that exist. `docs/decisions/0018-webhooks-out.md` tells what was chosen, and why.
//!
//! # Invariants
//! - A message exists if and only if what it tells of was committed, and once for each endpoint.
//! - The outcome of an attempt, the endpoint's health and the next attempt commit together, under the lease of the job that
//!   made the attempt.
//! - No secret stands in the database.
//! - What a customer names is called at public addresses only, over https, and never followed elsewhere.
//! - No transaction is open while an endpoint is called.
//! - An endpoint that does not work is never an alarm of ours: its owner is told.
//!
//! # What this crate must not know
//! What the events are about (their data comes as JSON), accounts (it knows the id of a user), pages and the API.

mod change_status;
mod courier;
mod db;
mod deliver;
mod delivery;
mod emails;
mod endpoint;
mod endpoint_url;
mod event_kind;
mod get;
mod jobs;
mod list;
mod list_deliveries;
mod notify;
mod purge_deliveries;
mod redeliver;
mod register;
mod remove;
mod rotate_secret;
mod secret;
mod send_test;
mod tell_owner;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kernel::{Clock, Entropy};
use platform::Platform;
use platform::db::Db;
use platform::jobs::Jobs;
use platform::mail::{Letterhead, Mailer};
use secrecy::SecretString;

pub use change_status::ChangeStatusError;
pub use db::MIGRATOR;
pub use delivery::{Delivery, DeliveryStatus, Outcome};
pub use endpoint::{Description, Endpoint, EndpointStatus, InvalidDescription, MAX_ENDPOINTS};
pub use endpoint_url::{EndpointUrl, InvalidEndpointUrl};
pub use event_kind::{EventKind, Subscription};
pub use get::GetEndpointError;
pub use jobs::{Deliver, PurgeDeliveries, TellOwner};
pub use list_deliveries::ListDeliveriesError;
pub use notify::Notice;
pub use redeliver::RedeliverError;
pub use register::{Register, RegisterError};
pub use remove::RemoveError;
pub use rotate_secret::RotateSecretError;
pub use secret::Secret;
pub use send_test::SendTestError;
pub use tell_owner::Owner;

use courier::Courier;

/// What the module is told when it is put together.
#[derive(Clone, Debug)]
pub struct WebhooksSettings {
    /// The application's secret, which every endpoint's is made from.
    pub secret_key: SecretString,
    /// Whether endpoints may be on this machine or its network, and without TLS: for development alone.
    pub allow_private_addresses: bool,
}

/// The module; cheap to clone. Each use case is a method, in a file of its name.
#[derive(Clone)]
pub struct Webhooks {
    db: Db,
    jobs: Jobs,
    mailer: Mailer,
    letterhead: Letterhead,
    clock: Clock,
    entropy: Entropy,
    courier: Courier,
    settings: Arc<WebhooksSettings>,
}

impl Webhooks {
    /// The module, standing on `platform`.
    ///
    /// # Errors
    /// If the machine's TLS certificates cannot be read.
    pub fn new(platform: &Platform, settings: WebhooksSettings) -> anyhow::Result<Self> {
        Ok(Self {
            db: platform.db.clone(),
            jobs: platform.jobs.clone(),
            mailer: platform.mailer.clone(),
            letterhead: platform.letterhead.clone(),
            clock: platform.clock.clone(),
            entropy: platform.entropy.clone(),
            courier: Courier::new(&platform.outbound, settings.allow_private_addresses)?,
            settings: Arc::new(settings),
        })
    }
}

/// The text is not one of the names that the type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;
