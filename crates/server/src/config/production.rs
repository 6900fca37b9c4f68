use std::collections::BTreeSet;

use url::Url;

use super::reader::Reader;

/// The private key that RFC 8410 prints in its section 10.3, which tests and tutorials use.
const PRINTED_JWT_KEY: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";

/// Refuses what is fine on somebody's own machine and dangerous where strangers come.
pub(super) fn check(read: &mut Reader<'_>) {
    let url = |read: &mut Reader<'_>, variable| read.raw(variable)?.parse::<Url>().ok();

    if url(read, "PUBLIC_URL").is_some_and(|url| url.scheme() != "https") {
        read.fault(
            "PUBLIC_URL",
            "not https: cookies and passwords would travel in the open",
        );
    }
    if url(read, "STORAGE_URL").is_some_and(|url| url.scheme() == "memory") {
        read.fault(
            "STORAGE_URL",
            "in memory: every upload and invoice would be lost with the process",
        );
    }
    for variable in ["DATABASE_URL", "MIGRATION_DATABASE_URL"] {
        if let Some(url) = url(read, variable) {
            check_database(read, variable, &url);
        }
    }
    if url(read, "SMTP_URL").is_some_and(|url| is_unencrypted_smtp(&url)) {
        read.fault(
            "SMTP_URL",
            "not encrypted: begin it with smtps:// or end it with ?tls=required",
        );
    }
    if url(read, "PAYMENT_API_URL").is_some_and(|url| url.scheme() != "https") {
        read.fault(
            "PAYMENT_API_URL",
            "not https: the account's key would travel in the open",
        );
    }
    if read
        .raw("PAYMENT_API_KEY")
        .is_some_and(|key| key.starts_with("sk_test_") || is_guessable(&key))
    {
        read.fault(
            "PAYMENT_API_KEY",
            "a test key: nobody would be charged; set the live one",
        );
    }
    let secrets = read.raw("PAYMENT_WEBHOOK_SECRETS").unwrap_or_default();
    if secrets
        .split(',')
        .any(|secret| !secret.is_empty() && is_guessable(secret.trim()))
    {
        read.fault(
            "PAYMENT_WEBHOOK_SECRETS",
            "guessable: whoever guesses it can mark orders as paid",
        );
    }
    if read.raw("SECRET_KEY").is_some_and(|key| is_guessable(&key)) {
        read.fault(
            "SECRET_KEY",
            "guessable: make one with `openssl rand -base64 48`",
        );
    }
    let jwt_keys = read.raw("JWT_SIGNING_KEY").unwrap_or_default();
    if jwt_keys.contains(PRINTED_JWT_KEY) {
        read.fault(
            "JWT_SIGNING_KEY",
            "the key of the manuals: anybody could sign in as staff; make one with `openssl genpkey -algorithm ed25519`",
        );
    }
    if read.raw("JOB_LEASE_SECONDS").is_some() {
        read.fault(
            "JOB_LEASE_SECONDS",
            "for drills alone: under a short lease, a pause of the database has slow jobs run twice; unset it",
        );
    }
    if read
        .raw("WEBHOOK_ALLOW_PRIVATE_ADDRESSES")
        .is_some_and(|value| value != "false")
    {
        read.fault(
            "WEBHOOK_ALLOW_PRIVATE_ADDRESSES",
            "for development alone: any customer could have this machine call what only it can reach; unset it",
        );
    }
    if read.raw("SELLER_ADDRESS").is_none() {
        read.fault(
            "SELLER_ADDRESS",
            "missing: invoices must say who sells; separate its lines by semicolons",
        );
    }
}

fn check_database(read: &mut Reader<'_>, variable: &'static str, url: &Url) {
    if url.username() == "postgres" {
        read.fault(
            variable,
            "the superuser: use the role app to serve and the role migrator to migrate",
        );
    }
    if let Some(password) = url.password()
        && (password == url.username() || is_guessable(password))
    {
        read.fault(variable, "a guessable password: set another");
    }
}

fn is_unencrypted_smtp(url: &Url) -> bool {
    let required = url
        .query_pairs()
        .any(|(name, value)| name == "tls" && value == "required");
    let own_machine = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "smtp" && !required && !own_machine
}

/// Whether a secret looks like one from a manual, a sample file or a keyboard.
fn is_guessable(secret: &str) -> bool {
    let lower = secret.to_ascii_lowercase();
    let known = [
        "change",
        "secret",
        "example",
        "development",
        "sandbox",
        "password",
        "test",
    ];
    let distinct: BTreeSet<char> = secret.chars().collect();
    secret.len() < 16 || distinct.len() < 8 || known.iter().any(|word| lower.contains(word))
}
