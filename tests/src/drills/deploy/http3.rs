//! A page over HTTP/3: in Chromium, because Debian's curl does not speak it.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::server::ParsedCertificate;

use super::site::Site;
use crate::PATIENCE;

/// Where Caddy keeps its certificate for `localhost`, in the folder that the drill gives it.
const CERTIFICATE: &str = "caddy/certificates/local/localhost/localhost.crt";

/// No sandbox, because build servers run as root; and nothing that would call home.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Not the address of IPv6, where nothing listens: without TCP there is nothing else to try.
    "--host-resolver-rules=MAP localhost 127.0.0.1",
    "--dump-dom",
];

/// What a browser shows that may reach Caddy over HTTP/3 alone. Where it cannot, it shows nothing and says why.
pub(super) async fn page(site: &Site, path: &str) -> String {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let port = site.caddys_address().port();
    let browser = Command::new(chromium())
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--origin-to-force-quic-on=localhost:{port}"))
        .arg(format!(
            "--ignore-certificate-errors-spki-list={}",
            pin(site)
        ))
        .arg(site.shop.url(path))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let shown = timeout(PATIENCE, browser).await.expect("a page in time");
    let shown = shown.expect("Chromium, which `cargo xtask drill` installs");
    let complaints = String::from_utf8_lossy(&shown.stderr);
    let reason = complaints.lines().find(|line| line.contains("net::ERR_"));
    assert_eq!(reason, None, "{path} does not come over HTTP/3");
    String::from_utf8(shown.stdout).expect("a page that is text")
}

/// The one key that the browser takes although no authority vouches for it.
fn pin(site: &Site) -> String {
    let file = site.run_folder().join(CERTIFICATE);
    let certificate = CertificateDer::from_pem_file(file).expect("Caddy's certificate");
    let certificate = ParsedCertificate::try_from(&certificate).expect("a certificate");
    STANDARD.encode(Sha256::digest(certificate.subject_public_key_info()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "`cargo xtask drill` knows what it is called here"
)]
fn chromium() -> std::ffi::OsString {
    std::env::var_os("CHROMIUM").expect("CHROMIUM, which `cargo xtask drill` sets")
}
