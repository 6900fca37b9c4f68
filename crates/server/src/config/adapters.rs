use std::net::SocketAddr;
use std::time::Duration;

use kernel::EmailAddress;
use platform::db::DbSettings;
use platform::jobs::Timing;
use platform::mail::Letterhead;
use platform::storage::StorageSettings;
use secrecy::SecretString;
use url::Url;

use super::Environment;
use super::reader::Reader;
use crate::app::Site;
use crate::telemetry::{LogFormat, TelemetrySettings};

pub(super) fn listen(read: &mut Reader<'_>) -> Option<SocketAddr> {
    address(read, "LISTEN_ADDRESS", "127.0.0.1:8080")
}

pub(super) fn listen_private(read: &mut Reader<'_>) -> Option<SocketAddr> {
    address(read, "METRICS_ADDRESS", "127.0.0.1:9090")
}

fn address(read: &mut Reader<'_>, variable: &'static str, default: &str) -> Option<SocketAddr> {
    let expected = format!("an address and port such as {default}");
    match read.raw(variable) {
        None => default.parse().ok(),
        Some(_) => read.optional(variable, &expected, str::parse::<SocketAddr>),
    }
}

pub(super) fn database(read: &mut Reader<'_>) -> Option<DbSettings> {
    let url = read.required("DATABASE_URL", "postgres://app:password@host/name", |url| {
        let parsed: Url = url
            .parse()
            .map_err(|error: url::ParseError| error.to_string())?;
        match parsed.scheme() {
            "postgres" | "postgresql" => Ok(SecretString::from(url)),
            _ => Err("no address of PostgreSQL".to_owned()),
        }
    });
    let pool_size = read
        .optional(
            "DATABASE_POOL_SIZE",
            "a number from 1 to 100",
            |text| match text.parse() {
                Ok(size @ 1..=100) => Ok(size),
                _ => Err("out of range"),
            },
        )
        .unwrap_or(10);
    Some(DbSettings {
        url: url?,
        pool_size,
        // B3: whoever waits longer is better off coming back.
        acquire_timeout: Duration::from_secs(2),
    })
}

/// Drills wait for leases to run out, and need not wait for half a minute each time.
pub(super) fn job_timing(read: &mut Reader<'_>) -> Timing {
    let lease = read.optional(
        "JOB_LEASE_SECONDS",
        "a number from 1 to 30",
        |text| match text.parse() {
            Ok(seconds @ 1..=30) => Ok(Duration::from_secs(seconds)),
            _ => Err("out of range"),
        },
    );
    lease.map_or_else(Timing::default, Timing::with_lease)
}

/// 25 for each connection to the database, unless told. With 20 ms a request, the last in the queue gets its connection
/// after half a second, a quarter of what it would wait; and a partner that hangs holds 25 requests at most (D1), so the
/// other nine tenths still go on.
pub(super) fn max_requests_in_flight(
    read: &mut Reader<'_>,
    database: Option<&DbSettings>,
) -> Option<usize> {
    let given = read.optional(
        "MAX_REQUESTS_IN_FLIGHT",
        "a number from 1 to 100000",
        |text| match text.parse() {
            Ok(number @ 1..=100_000) => Ok(number),
            _ => Err("out of range"),
        },
    );
    given.or_else(|| usize::try_from(database?.pool_size * 25).ok())
}

pub(super) fn storage(read: &mut Reader<'_>, site: Option<&Site>) -> Option<StorageSettings> {
    let url = read.required(
        "STORAGE_URL",
        "s3://bucket?region=… or file:///folder",
        str::parse::<Url>,
    );
    let access_key_id = read.raw("STORAGE_ACCESS_KEY_ID");
    let secret_access_key = read
        .raw("STORAGE_SECRET_ACCESS_KEY")
        .map(SecretString::from);
    if url.as_ref().is_some_and(|url| url.scheme() == "s3") {
        for (variable, missing) in [
            ("STORAGE_ACCESS_KEY_ID", access_key_id.is_none()),
            ("STORAGE_SECRET_ACCESS_KEY", secret_access_key.is_none()),
        ] {
            if missing {
                read.fault(variable, "missing: a bucket asks for it");
            }
        }
    }
    let signing_key = read.required(
        "SECRET_KEY",
        "at least 32 random bytes: `openssl rand -base64 48`",
        |key| {
            if key.len() < 32 {
                Err("too short")
            } else {
                Ok(SecretString::from(key))
            }
        },
    );
    Some(StorageSettings {
        url: url?,
        access_key_id,
        secret_access_key,
        public_url: site?.public_url.clone(),
        signing_key: signing_key?,
    })
}

pub(super) fn letterhead(read: &mut Reader<'_>, site: Option<&Site>) -> Option<Letterhead> {
    let sender = read.required("MAIL_FROM", "the sender's address", EmailAddress::parse);
    let site = site?;
    Some(Letterhead {
        product_name: site.product_name.clone(),
        public_url: site.public_url.clone(),
        sender: sender?,
    })
}

pub(super) fn telemetry(
    read: &mut Reader<'_>,
    environment: Environment,
    site: Option<&Site>,
) -> Option<TelemetrySettings> {
    let format = read
        .optional("LOG_FORMAT", "json or text", |text| match text {
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            _ => Err("unknown"),
        })
        .unwrap_or(LogFormat::Json);
    let sentry_dsn = read.optional("SENTRY_DSN", "the DSN of a Sentry project", |dsn| {
        dsn.parse::<sentry::types::Dsn>().map(|_| dsn.to_owned())
    });
    Some(TelemetrySettings {
        format,
        sentry_dsn,
        release: site?.release.clone(),
        environment: match environment {
            Environment::Development => "development".to_owned(),
            Environment::Production => "production".to_owned(),
        },
    })
}
