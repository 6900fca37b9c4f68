//! The settings of the process, from its environment. Nothing else in the house reads it.
//!
//! Every fault is found before any is reported, so that a new installation is put right in one go, and each says what to
//! do. What would be unsafe is refused in production, not warned about: nobody reads warnings.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use billing::BillingSettings;
use platform::db::DbSettings;
use platform::jobs::Timing;
use platform::mail::Letterhead;
use platform::storage::StorageSettings;
use secrecy::SecretString;
use users::UsersSettings;
use webhooks::WebhooksSettings;

use crate::app::Site;
use crate::telemetry::TelemetrySettings;

mod adapters;
mod faults;
mod modules;
mod production;
mod reader;
mod site;
#[cfg(test)]
mod tests;

use adapters::{
    database, job_timing, letterhead, listen, listen_private, max_requests_in_flight, storage,
    telemetry,
};
pub use faults::{Fault, Faults};
use modules::{billing, users, webhooks};
use reader::Reader;
use site::site;

/// Where the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On somebody's own machine: http, local files and known keys are fine.
    Development,
    /// Where strangers come.
    Production,
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the process runs.
    pub environment: Environment,
    /// What pages are told.
    pub site: Site,
    /// Where people are served.
    pub listen: SocketAddr,
    /// Where the operator's own network is served.
    pub listen_private: SocketAddr,
    /// How many requests are served at once; any further one is refused.
    pub max_requests_in_flight: usize,
    /// How to reach PostgreSQL, as the role that serves.
    pub database: DbSettings,
    /// How long a job is a worker's own, and what follows from that.
    pub job_timing: Timing,
    /// How to reach Redis.
    pub redis_url: SecretString,
    /// How to reach object storage.
    pub storage: StorageSettings,
    /// How to reach the mail server.
    pub smtp_url: SecretString,
    /// How letters introduce themselves.
    pub letterhead: Letterhead,
    /// What the module `users` is told.
    pub users: UsersSettings,
    /// What the module `billing` is told.
    pub billing: BillingSettings,
    /// What the module `webhooks` is told.
    pub webhooks: WebhooksSettings,
    /// Logs and error reports.
    pub telemetry: TelemetrySettings,
}

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load() -> Result<Self, Faults> {
        Self::from_map(&environment())
    }

    /// Reads `values` as if they were the environment.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn from_map(values: &BTreeMap<String, String>) -> Result<Self, Faults> {
        let mut read = Reader::new(values);
        let environment = Environment::read(&mut read);
        let site = site(&mut read, environment);
        let storage = storage(&mut read, site.as_ref());
        let letterhead = letterhead(&mut read, site.as_ref());
        let users = users(&mut read, site.as_ref());
        let billing = billing(&mut read, site.as_ref());
        let webhooks = webhooks(&mut read, storage.as_ref());
        let listen = listen(&mut read);
        let listen_private = listen_private(&mut read);
        if listen.is_some()
            && listen == listen_private
            && listen.is_some_and(|address| address.port() != 0)
        {
            read.fault(
                "METRICS_ADDRESS",
                "the same as LISTEN_ADDRESS: metrics are not for the public",
            );
        }
        let database = database(&mut read);
        let job_timing = job_timing(&mut read);
        let max_requests_in_flight = max_requests_in_flight(&mut read, database.as_ref());
        let redis_url = read.secret("REDIS_URL", "redis://host:6379");
        let smtp_url = read.secret("SMTP_URL", "smtps://user:password@host");
        let telemetry = telemetry(&mut read, environment, site.as_ref());
        if environment == Environment::Production {
            production::check(&mut read);
        }
        let settings = || {
            Some(Self {
                environment,
                site: site?,
                listen: listen?,
                listen_private: listen_private?,
                max_requests_in_flight: max_requests_in_flight?,
                database: database?,
                job_timing,
                redis_url: redis_url?,
                storage: storage?,
                smtp_url: smtp_url?,
                letterhead: letterhead?,
                users: users?,
                billing: billing?,
                webhooks: webhooks?,
                telemetry: telemetry?,
            })
        };
        read.finish(settings())
    }
}

impl Environment {
    fn read(read: &mut Reader<'_>) -> Self {
        let named = read.optional(
            "ENVIRONMENT",
            "development or production",
            |text| match text {
                "development" => Ok(Self::Development),
                "production" => Ok(Self::Production),
                _ => Err("unknown"),
            },
        );
        // Whoever forgets to say where this is gets the stricter rules.
        named.unwrap_or(Self::Production)
    }
}

/// All that `migrate` needs.
#[derive(Debug)]
pub struct MigrationSettings {
    /// Where this runs.
    pub environment: Environment,
    /// How to reach PostgreSQL as the role that owns the schemas. The serving process need not know it.
    pub database_url: SecretString,
}

impl MigrationSettings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load() -> Result<Self, Faults> {
        let values = environment();
        let mut read = Reader::new(&values);
        let environment = Environment::read(&mut read);
        let url = read.secret(
            "MIGRATION_DATABASE_URL",
            "postgres://migrator:password@host/name",
        );
        let settings = url.map(|database_url| Self {
            environment,
            database_url,
        });
        read.finish(settings)
    }
}

/// Where the process that runs with this environment says whether it is ready: a worker on the private port alone.
///
/// # Errors
/// If that address cannot be read.
pub fn own_address(worker: bool) -> Result<SocketAddr, Faults> {
    let values = environment();
    let mut read = Reader::new(&values);
    let address = if worker {
        listen_private(&mut read)
    } else {
        listen(&mut read)
    };
    read.finish(address)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn environment() -> BTreeMap<String, String> {
    // `vars` would panic on a foreign variable that is no UTF-8.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
