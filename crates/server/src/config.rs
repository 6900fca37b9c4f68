//! The settings of the process, from its environment. Nothing else in the house reads it.
//!
//! Every fault is found before any is reported, so that a new installation is put right in one go, and each says what to
//! do. What would be unsafe is refused in production, not warned about: nobody reads warnings.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use billing::{BillingSettings, Seller};
use ipnet::IpNet;
use kernel::{Currency, EmailAddress};
use platform::db::DbSettings;
use platform::mail::Letterhead;
use platform::storage::StorageSettings;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use users::UsersSettings;

use crate::app::Site;
use crate::http::session::Cookies;
use crate::telemetry::{LogFormat, TelemetrySettings};

mod faults;
mod reader;

pub use faults::{Fault, Faults};
use reader::Reader;

/// Where the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On somebody's own machine: http, local files and known keys are fine.
    Development,
    /// For real.
    Production,
}

impl Environment {
    fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
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
    /// Where the operator's own network is served: metrics.
    pub listen_private: SocketAddr,
    /// How to reach PostgreSQL, as the role that serves.
    pub database: DbSettings,
    /// How to reach PostgreSQL, as the role that owns the schemas.
    pub migration_database_url: SecretString,
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
    /// Logs and error reports.
    pub telemetry: TelemetrySettings,
}
