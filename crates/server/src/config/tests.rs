use std::io::Write as _;
use std::time::Duration;

use super::*;

/// Made for these tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJicUT5/rR1x2LDK5TKxIo6cx4X45RxlR7B7VKoJbTCz\n\
                   -----END PRIVATE KEY-----\n";

/// Printed in RFC 8410.
const PRINTED_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                           MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                           -----END PRIVATE KEY-----\n";

impl Settings {
    /// Settings for tests of other parts, which put in their own platform.
    pub(crate) fn for_tests() -> Self {
        Self::from_map(&production()).unwrap()
    }
}

fn production() -> BTreeMap<String, String> {
    [
        ("PRODUCT_NAME", "Shop"),
        ("PUBLIC_URL", "https://shop.example"),
        ("DATABASE_URL", "postgres://app:Q7wkR2pLx9ZtBv4n@db/shop"),
        ("REDIS_URL", "redis://cache:6379"),
        ("STORAGE_URL", "s3://files?region=eu-central-1"),
        ("STORAGE_ACCESS_KEY_ID", "AKIA0"),
        ("STORAGE_SECRET_ACCESS_KEY", "kN8Lw3VqYb5Tz1Rm"),
        ("SMTP_URL", "smtps://shop:pw@mail.example"),
        ("MAIL_FROM", "shop@shop.example"),
        ("PAYMENT_API_URL", "https://api.stripe.com"),
        ("PAYMENT_API_KEY", "sk_live_51HqLyjWDarjtT1zd"),
        ("PAYMENT_WEBHOOK_SECRETS", "whsec_8fJk2LmQ9xTz4Rb7"),
        ("SECRET_KEY", "p8Jx2mWq7Zr4Kt9Lv3Nb6Hc1Yd5Fg0SaEu"),
        ("JWT_SIGNING_KEY", KEY),
        ("SELLER_ADDRESS", "Shop Ltd; 1 Quay Street; Kiel"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn with(changes: &[(&str, &str)]) -> Result<Settings, Faults> {
    let mut values = production();
    for (name, value) in changes {
        values.insert((*name).to_owned(), (*value).to_owned());
    }
    Settings::from_map(&values)
}

/// The variables that are at fault.
fn faulty(changes: &[(&str, &str)]) -> Vec<&'static str> {
    let faults = with(changes)
        .err()
        .map(|faults| faults.0)
        .unwrap_or_default();
    faults.into_iter().map(|fault| fault.variable).collect()
}

#[test]
fn a_sound_production_environment_is_accepted() {
    let settings = with(&[]).unwrap();
    assert_eq!(settings.environment, Environment::Production);
    assert_eq!(settings.site.payment_origin, "https://checkout.stripe.com");
    let bucket = "https://files.s3.eu-central-1.amazonaws.com";
    assert_eq!(settings.site.storage_origin.as_deref(), Some(bucket));
    assert_eq!(settings.billing.seller.address.len(), 3);
}

#[test]
fn unless_told_25_requests_are_served_for_each_connection_to_the_database() {
    let in_flight = |changes| with(changes).unwrap().max_requests_in_flight;
    assert_eq!(in_flight(&[]), 250);
    assert_eq!(in_flight(&[("DATABASE_POOL_SIZE", "4")]), 100);
    assert_eq!(in_flight(&[("MAX_REQUESTS_IN_FLIGHT", "7")]), 7);
}

#[test]
fn an_empty_environment_reports_every_missing_variable_at_once() {
    let faults = Settings::from_map(&BTreeMap::new()).unwrap_err();
    let mut named: Vec<_> = faults.0.iter().map(|fault| fault.variable).collect();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            "DATABASE_URL",
            "JWT_SIGNING_KEY",
            "MAIL_FROM",
            "PAYMENT_API_KEY",
            "PAYMENT_API_URL",
            "PAYMENT_WEBHOOK_SECRETS",
            "PRODUCT_NAME",
            "PUBLIC_URL",
            "REDIS_URL",
            "SECRET_KEY",
            "SELLER_ADDRESS",
            "SMTP_URL",
            "STORAGE_URL",
        ]
    );
    assert!(
        faults
            .0
            .iter()
            .all(|fault| fault.problem.starts_with("missing: "))
    );
}

#[test]
fn what_is_unsafe_is_refused_in_production() {
    for (variable, value) in [
        ("PUBLIC_URL", "http://shop.example"),
        ("STORAGE_URL", "memory:"),
        (
            "DATABASE_URL",
            "postgres://postgres:Q7wkR2pLx9ZtBv4n@db/shop",
        ),
        ("DATABASE_URL", "postgres://app:app@db/shop"),
        ("SMTP_URL", "smtp://mail.example:25"),
        ("PAYMENT_API_URL", "http://127.0.0.1:9000"),
        ("PAYMENT_API_KEY", "sk_test_51HqLyjWDarjtT1zd"),
        ("PAYMENT_WEBHOOK_SECRETS", "whsec_sandbox_sandbox_sandbox"),
        ("JWT_SIGNING_KEY", PRINTED_KEY),
        ("SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("SECRET_KEY", "please-change-me-please-change-me-0123"),
        ("JOB_LEASE_SECONDS", "5"),
        ("WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true"),
    ] {
        assert_eq!(faulty(&[(variable, value)]), [variable], "{value}");
    }
}

#[test]
fn the_same_is_fine_in_development() {
    let settings = with(&[
        ("ENVIRONMENT", "development"),
        ("PUBLIC_URL", "http://127.0.0.1:8080"),
        ("STORAGE_URL", "memory:"),
        ("SMTP_URL", "smtp://127.0.0.1:2525"),
        ("PAYMENT_API_URL", "http://127.0.0.1:9000"),
        ("PAYMENT_API_KEY", "sk_test_sandbox"),
        ("SECRET_KEY", "development-development-development"),
        ("JOB_LEASE_SECONDS", "5"),
        ("WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true"),
    ])
    .unwrap();
    assert_eq!(settings.job_timing.lease, Duration::from_secs(5));
    assert_eq!(settings.site.payment_origin, "http://127.0.0.1:9000");
    assert_eq!(settings.site.storage_origin, None);
    assert!(!settings.site.is_https());
    assert!(settings.webhooks.allow_private_addresses);
    assert!(!with(&[]).unwrap().webhooks.allow_private_addresses);
}

#[test]
fn a_lease_for_drills_lasts_from_one_to_thirty_seconds() {
    for value in ["0", "31", "soon"] {
        let faults = faulty(&[("ENVIRONMENT", "development"), ("JOB_LEASE_SECONDS", value)]);
        assert_eq!(faults, ["JOB_LEASE_SECONDS"], "{value}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_anywhere() {
    for (variable, value) in [
        ("ENVIRONMENT", "staging"),
        ("PUBLIC_URL", "https://shop.example/path"),
        ("LISTEN_ADDRESS", "localhost"),
        ("DATABASE_URL", "mysql://app@db/shop"),
        ("DATABASE_POOL_SIZE", "0"),
        ("MAX_REQUESTS_IN_FLIGHT", "0"),
        ("MAIL_FROM", "nobody"),
        (
            "PAYMENT_WEBHOOK_SECRETS",
            "8fJk2LmQ9xTz4Rb7,9fJk2LmQ9xTz4Rb7,7fJk2LmQ9xTz4Rb7",
        ),
        ("JWT_SIGNING_KEY", "hello"),
        ("SECRET_KEY", "sh0rtButR4ndom_x"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("CURRENCY", "BTC"),
        ("LOG_FORMAT", "xml"),
        ("SENTRY_DSN", "not a dsn"),
        ("METRICS_ADDRESS", "127.0.0.1:8080"),
    ] {
        assert_eq!(faulty(&[(variable, value)]), [variable], "{value}");
    }
}

#[test]
fn a_secret_may_come_from_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "p8Jx2mWq7Zr4Kt9Lv3Nb6Hc1Yd5Fg0SaEu").unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(
        faulty(&[("SECRET_KEY", ""), ("SECRET_KEY_FILE", path)]),
        [""; 0]
    );
    assert_eq!(
        faulty(&[("SECRET_KEY_FILE", path)]),
        ["SECRET_KEY"],
        "given twice"
    );
    assert_eq!(
        faulty(&[("SECRET_KEY", ""), ("SECRET_KEY_FILE", "/nowhere")]),
        ["SECRET_KEY"]
    );
}

#[test]
fn no_fault_shows_a_value() {
    let faults = with(&[
        ("SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "hunter2://x"),
        ("JWT_SIGNING_KEY", "hunter2"),
        ("PAYMENT_API_KEY", "sk_test_hunter2"),
        ("SENTRY_DSN", "https://hunter2"),
    ])
    .unwrap_err();
    assert!(
        faults.0.len() >= 5 && !faults.to_string().contains("hunter2"),
        "{faults}"
    );
}
