//! A platform for tests: real PostgreSQL and Redis, storage and mail in memory, a clock that stands still.
//!
//! Each [`TestPlatform`] has a database of its own, so tests run side by side and see nothing of each other.
#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a test fails, and whatever fails here fails the test"
)]

mod database;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::{Clock, Entropy};
use serde::Deserialize;
use serde_json::Value;
use sqlx::migrate::Migrator;

pub use self::database::{PublishedEvent, TestDatabase};
pub use self::wire::{State, Wire};
use crate::Platform;
use crate::audit::Audit;
use crate::db::{Db, DbSettings};
use crate::events::{Event, Events, Subscriptions};
use crate::flags::{Flag, Flags, Setting};
use crate::jobs::{self, Job, JobResult, JobRun, Jobs};
use crate::mail::{Letter, Letterhead, Mailer};
use crate::outbound::{Outbound, user_agent};
use crate::redis::Redis;
use crate::sessions::Sessions;
use crate::storage::{ObjectKey, Storage, StorageSettings};

/// The servers that tests use.
#[derive(Clone, Debug, Deserialize)]
pub struct Services {
    /// PostgreSQL, with a role that may create databases and roles.
    pub superuser_database_url: String,
    /// Redis.
    pub redis_url: String,
}

/// The servers that tests use: those in the environment, else those that `cargo xtask services up` started.
#[must_use]
pub fn services() -> &'static Services {
    static SERVICES: LazyLock<Services> = LazyLock::new(|| {
        from_environment().or_else(from_workspace).expect(
            "tests need PostgreSQL and Redis: run `cargo xtask services up`, \
             or set TEST_SUPERUSER_DATABASE_URL and TEST_REDIS_URL",
        )
    });
    &SERVICES
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration that could tell it"
)]
fn from_environment() -> Option<Services> {
    Some(Services {
        superuser_database_url: std::env::var("TEST_SUPERUSER_DATABASE_URL").ok()?,
        redis_url: std::env::var("TEST_REDIS_URL").ok()?,
    })
}

fn from_workspace() -> Option<Services> {
    // Cargo starts a test in its package's folder.
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|folder| folder.join(".dev/services.json"))
        .find_map(|file| serde_json::from_slice(&std::fs::read(file).ok()?).ok())
}

/// When every test begins: 5 January 2026, 12:00 UTC, a Monday.
#[must_use]
pub fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_614_400, 0).expect("a valid time")
}

/// Redis, in a namespace that nobody else uses.
#[must_use]
pub fn redis() -> Redis {
    let namespace = format!("test-{}", hex::encode(Entropy::system().bytes::<8>()));
    Redis::connect(&services().redis_url, &namespace).expect("TEST_REDIS_URL is an address")
}

/// A wire to Redis.
pub async fn redis_wire() -> Wire {
    let url: url::Url = services().redis_url.parse().expect("TEST_REDIS_URL");
    let host = url.host_str().unwrap_or("localhost");
    Wire::to(format!("{host}:{}", url.port().unwrap_or(6379))).await
}

/// Redis over `wire`, in a namespace that nobody else uses.
#[must_use]
pub fn redis_over(wire: &Wire) -> Redis {
    let namespace = format!("test-{}", hex::encode(Entropy::system().bytes::<8>()));
    Redis::connect(&format!("redis://{}", wire.address()), &namespace).expect("an address")
}

/// The letterhead that tests use.
#[must_use]
pub fn letterhead() -> Letterhead {
    Letterhead {
        product_name: "The Shop".into(),
        public_url: "https://shop.example".parse().expect("an address"),
        sender: "hello@shop.example".parse().expect("an e-mail address"),
    }
}

/// A [`Platform`] whose every effect a test can look at.
pub struct TestPlatform {
    platform: Platform,
    // After the platform: its connections are gone when the database is dropped.
    database: TestDatabase,
}

impl Deref for TestPlatform {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        &self.platform
    }
}

impl TestPlatform {
    /// A platform with the schema `platform` and those of `modules`, and no reactions to events.
    pub async fn start(modules: &[&Migrator]) -> Self {
        Self::start_with(modules, Subscriptions::default()).await
    }

    /// A platform on which publishing an event enqueues the subscribed reactions.
    pub async fn start_with(modules: &[&Migrator], subscriptions: Subscriptions) -> Self {
        let database = TestDatabase::create(modules).await;
        Self {
            platform: assemble(&database.settings(), subscriptions),
            database,
        }
    }

    /// How to connect to the test's database as the application does.
    #[must_use]
    pub fn db_settings(&self) -> DbSettings {
        self.database.settings()
    }

    /// The database itself.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The events of type `E` that were published, in order.
    pub async fn published<E: Event>(&self) -> Vec<E> {
        let mut connection = self.db.acquire().await.expect("a connection");
        database::events(&mut connection, E::NAME)
            .await
            .into_iter()
            .map(|payload| serde_json::from_value(payload).expect("an event that reads back"))
            .collect()
    }

    /// Every event that was published, in order.
    pub async fn all_published(&self) -> Vec<PublishedEvent> {
        let mut connection = self.db.acquire().await.expect("a connection");
        database::all_events(&mut connection).await
    }

    /// Delivers `event` to `reaction` once more, to an inbox that has forgotten it.
    pub async fn deliver_again(&self, event: &PublishedEvent, reaction: &str) {
        let mut tx = self.db.begin().await.expect("a transaction");
        jobs::testing::deliver(&self.platform, &mut tx, event, reaction)
            .await
            .expect("a job");
        tx.commit().await.expect("a commit");
    }

    /// Every row of every table, by the table's name.
    pub async fn dump(&self) -> BTreeMap<String, Vec<Value>> {
        database::dump(&self.database.superuser_url()).await
    }

    /// Kind and payload of every job that has yet to run, in the order they were enqueued.
    pub async fn jobs_waiting(&self) -> Vec<(String, Value)> {
        let mut connection = self.db.acquire().await.expect("a connection");
        database::jobs_waiting(&mut connection).await
    }

    /// The jobs of type `J` that have yet to run, in the order they were enqueued.
    pub async fn jobs_of<J: Job>(&self) -> Vec<J> {
        let waiting = self.jobs_waiting().await;
        let of_kind = waiting.into_iter().filter(|(kind, _)| kind == J::KIND);
        of_kind
            .map(|(_, payload)| serde_json::from_value(payload).expect("a job that reads back"))
            .collect()
    }

    /// Runs `handler` with `job` as a worker would: enqueued, claimed under a lease, completed in the handler's
    /// transaction.
    pub async fn run_job<J: Job>(
        &self,
        handler: impl AsyncFnOnce(JobRun, J) -> JobResult,
        job: J,
    ) -> JobResult {
        let run = jobs::testing::begin(&self.platform, &job)
            .await
            .expect("a claimed job");
        handler(run, job).await
    }

    /// The letters sent, in order.
    #[must_use]
    pub fn sent_mail(&self) -> Vec<Letter> {
        self.mailer.outbox()
    }

    /// The keys of all stored files, in order.
    pub async fn stored_files(&self) -> Vec<ObjectKey> {
        self.storage.list("").await.expect("a list of files")
    }

    /// Switches a flag for everybody, seen at once.
    pub async fn set_flag(&self, flag: Flag, enabled: bool) {
        let setting = Setting {
            enabled,
            percentage: 100,
        };
        let mut tx = self.db.begin().await.expect("a transaction");
        self.flags
            .set_in_tx(&mut tx, flag, setting, "a test")
            .await
            .expect("a flag that is set");
        tx.commit().await.expect("a commit");
        self.flags.forget();
    }
}

fn assemble(settings: &DbSettings, subscriptions: Subscriptions) -> Platform {
    let clock = Clock::fixed(start_of_time());
    let entropy = Entropy::seeded(2_026);
    let db = Db::new(settings).expect("the address of the test's database");
    let jobs = Jobs::new(clock.clone(), entropy.clone());
    let outbound = Outbound::new(entropy.clone(), user_agent("shop", "1"));
    let redis = redis();
    let letterhead = letterhead();
    let storage = StorageSettings {
        url: "memory:".parse().expect("an address"),
        access_key_id: None,
        secret_access_key: None,
        public_url: letterhead.public_url.clone(),
        signing_key: "only tests sign with this secret!".into(),
    };
    Platform {
        events: Events::new(subscriptions, jobs.clone(), clock.clone(), entropy.clone()),
        jobs,
        storage: Storage::connect(&storage, &outbound, clock.clone()).expect("storage in memory"),
        mailer: Mailer::memory(letterhead.clone(), entropy.clone()),
        letterhead,
        outbound,
        sessions: Sessions::new(redis.clone(), clock.clone(), entropy.clone()),
        redis,
        flags: Flags::new(db.clone(), clock.clone()),
        audit: Audit::new(clock.clone()),
        db,
        clock,
        entropy,
    }
}

/// Few connections a test, because many tests share one server.
const POOL_SIZE: u32 = 5;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
