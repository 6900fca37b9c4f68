//! The composition root: every part of the house, put together once. `main` and the tests share it.

use std::sync::Arc;

use axum::extract::FromRef;
use billing::Billing;
use ipnet::IpNet;
use kernel::{Clock, Currency, Entropy};
use orders::Orders;
use platform::Platform;
use platform::audit::Audit;
use platform::backfills::Backfills;
use platform::db::Db;
use platform::events::Events;
use platform::flags::Flags;
use platform::idempotency::Idempotency;
use platform::jobs::{Jobs, Timing};
use platform::mail::Mailer;
use platform::outbound::{Outbound, user_agent};
use platform::redis::Redis;
use platform::sessions::Sessions;
use platform::storage::Storage;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use url::Url;
use users::Users;
use webhooks::Webhooks;

use crate::backfills;
use crate::config::Settings;
use crate::http::health::Readiness;
use crate::http::idempotency::CLAIM;
use crate::http::session::Cookies;
use crate::worker;

/// The whole application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    site: Site,
    platform: Platform,
    users: Users,
    orders: Orders,
    billing: Billing,
    webhooks: Webhooks,
    readiness: Readiness,
    backfills: Backfills,
    idempotency: Idempotency,
    fingerprint_key: SecretString,
    job_timing: Timing,
    tasks: TaskTracker,
    places: Semaphore,
}

/// What the outermost layer of the house is told: names, addresses, and whom to believe.
#[derive(Clone, Debug)]
pub struct Site {
    /// What the product is called.
    pub product_name: String,
    /// Where people reach it. Links in pages and mails are made from this alone, never from a request's `Host`.
    pub public_url: Url,
    /// The release that is running, for logs and error reports.
    pub release: String,
    /// What the shop sells in.
    pub currency: Currency,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where object storage is, if browsers load from it directly.
    pub storage_origin: Option<String>,
    /// Where the payment provider's page is.
    pub payment_origin: String,
    /// How cookies are named and guarded.
    pub cookies: Cookies,
    /// Whether it runs on a developer's own machine, who is told what each answer has cost.
    pub in_development: bool,
}

impl Site {
    /// Whether people reach the site over https, as they always do in production.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

impl App {
    /// Puts everything together over the network that `settings` describe. Nothing is connected yet: each part connects when
    /// first used, so the process starts while the others are still starting.
    ///
    /// # Errors
    /// If an address or a key among the settings cannot be used.
    pub fn connect(settings: &Settings) -> anyhow::Result<Self> {
        Self::build(settings, connect(settings)?)
    }

    /// Puts everything together on `platform`, which is made with the [`worker::registry`]'s subscriptions.
    ///
    /// # Errors
    /// If a key among the settings cannot be used, or the machine's TLS certificates cannot be read.
    pub fn build(settings: &Settings, platform: Platform) -> anyhow::Result<Self> {
        #[cfg(test)]
        crate::telemetry::count_in_tests();
        Ok(Self(Arc::new(Parts {
            site: settings.site.clone(),
            users: Users::new(&platform, settings.users.clone()),
            orders: Orders::new(&platform),
            billing: Billing::new(&platform, settings.billing.clone())?,
            webhooks: Webhooks::new(&platform, settings.webhooks.clone())?,
            backfills: backfills::declared(&platform),
            idempotency: Idempotency::new(platform.db.clone(), platform.clock.clone(), CLAIM),
            fingerprint_key: settings.storage.signing_key.clone(),
            job_timing: settings.job_timing,
            platform,
            readiness: Readiness::default(),
            tasks: TaskTracker::new(),
            places: Semaphore::new(settings.max_requests_in_flight),
        })))
    }

    #[cfg(test)]
    pub(crate) fn for_tests(platform: &Platform) -> Self {
        Self::build(&Settings::for_tests(), platform.clone()).unwrap()
    }

    /// Names, addresses, and whom to believe.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// The outside world.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// People and their accounts.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.0.users
    }

    /// Catalogue, carts and orders.
    #[must_use]
    pub fn orders(&self) -> &Orders {
        &self.0.orders
    }

    /// Payments, invoices and the ledger.
    #[must_use]
    pub fn billing(&self) -> &Billing {
        &self.0.billing
    }

    /// Endpoints of customers, and what is sent there.
    #[must_use]
    pub fn webhooks(&self) -> &Webhooks {
        &self.0.webhooks
    }

    /// What old rows have yet to be given.
    #[must_use]
    pub fn backfills(&self) -> &Backfills {
        &self.0.backfills
    }

    /// Requests that may be sent again.
    #[must_use]
    pub fn idempotency(&self) -> &Idempotency {
        &self.0.idempotency
    }

    /// What fingerprints of requests are keyed with.
    pub(crate) fn fingerprint_key(&self) -> &[u8] {
        self.0.fingerprint_key.expose_secret().as_bytes()
    }

    /// How long a job is a worker's own, and what follows from that.
    #[must_use]
    pub fn job_timing(&self) -> Timing {
        self.0.job_timing
    }

    /// One for each request that may be in flight.
    #[must_use]
    pub fn places(&self) -> &Semaphore {
        &self.0.places
    }

    /// Work that goes on though nobody waits for it. Whoever ends the process waits until it is done.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Whether this process may be sent requests.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }
}

fn connect(settings: &Settings) -> anyhow::Result<Platform> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let db = Db::new(&settings.database)?;
    let jobs = Jobs::new(clock.clone(), entropy.clone());
    let subscriptions = worker::registry().subscriptions();
    let named = user_agent(&settings.site.product_name, &settings.site.release);
    let outbound = Outbound::new(entropy.clone(), named);
    let redis = Redis::connect(settings.redis_url.expose_secret(), "shop")?;
    let letterhead = settings.letterhead.clone();
    Ok(Platform {
        events: Events::new(subscriptions, jobs.clone(), clock.clone(), entropy.clone()),
        storage: Storage::connect(&settings.storage, &outbound, clock.clone())?,
        mailer: Mailer::smtp(&settings.smtp_url, letterhead.clone(), entropy.clone())?,
        sessions: Sessions::new(redis.clone(), clock.clone(), entropy.clone()),
        flags: Flags::new(db.clone(), clock.clone()),
        audit: Audit::new(clock.clone()),
        db,
        jobs,
        letterhead,
        outbound,
        redis,
        clock,
        entropy,
    })
}

/// Lets a handler ask for the one part that it needs: `State<Orders>`.
macro_rules! parts {
    ($($part:ident: $type:ty),*) => {$(
        impl FromRef<App> for $type {
            fn from_ref(app: &App) -> Self {
                app.0.$part.clone()
            }
        }
    )*};
}

parts!(platform: Platform, users: Users, orders: Orders, billing: Billing, webhooks: Webhooks);
