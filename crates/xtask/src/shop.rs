//! The shop's programs on this machine: their addresses, settings and files.

pub(crate) mod secrets;

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::Context;

use crate::{
    checkout,
    ports::Ports,
    services::{Addresses, DATABASE},
};

/// How server and sandbox know each other. Nobody else accepts these.
const PAYMENT_API_KEY: &str = "sk_test_sandbox";
const WEBHOOK_SECRET: &str = "whsec_sandbox_of_this_checkout";

/// Everything that the programs are told when they start.
pub(crate) struct Shop {
    binaries: PathBuf,
    folder: PathBuf,
    services: Addresses,
    pub(crate) web: u16,
    pub(crate) metrics: u16,
    pub(crate) worker_metrics: u16,
    pub(crate) sandbox: u16,
    pub(crate) mail: u16,
}

impl Shop {
    /// Chooses the ports and makes the keys; both are kept in `folder`, where uploads go as well.
    pub(crate) fn new(
        binaries: PathBuf,
        folder: PathBuf,
        services: Addresses,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder.join("storage")).context("create the folder of uploads")?;
        secrets::ensure(&folder.join("secrets"))?;
        let mut ports = Ports::load(folder.join("ports.json"));
        Ok(Self {
            web: ports.choose("web")?,
            metrics: ports.choose("metrics")?,
            worker_metrics: ports.choose("worker-metrics")?,
            sandbox: ports.choose("sandbox")?,
            mail: ports.choose("mail")?,
            binaries,
            folder,
            services,
        })
    }

    /// Where pages are.
    pub(crate) fn base_url(&self) -> String {
        local_url(self.web)
    }

    /// Where the sandbox's pages and its payment API are.
    pub(crate) fn sandbox_url(&self) -> String {
        local_url(self.sandbox)
    }

    /// The database as the server sees it.
    pub(crate) fn database_url(&self) -> String {
        self.services.database_url("app", DATABASE)
    }

    pub(crate) fn redis_url(&self) -> String {
        self.services.redis_url()
    }

    /// A program's file, whose age tells whether a build made it anew.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// The server with one of its commands and every setting.
    pub(crate) fn server(&self, command: &str) -> Command {
        let metrics = match command {
            "worker" => self.worker_metrics,
            _ => self.metrics,
        };
        let secrets = self.folder.join("secrets");
        let mut server = Command::new(self.binary("server"));
        server
            .arg(command)
            .current_dir(checkout::root())
            .env("ENVIRONMENT", "development")
            .env("PRODUCT_NAME", "Mainstay")
            .env("SELLER_NAME", "Mainstay Ltd")
            .env("SELLER_ADDRESS", "1 Quay Street; 24103 Kiel; Germany")
            .env("LOG_FORMAT", "text")
            // It writes into a file, where colours are only in the way.
            .env("NO_COLOR", "1")
            .env("PUBLIC_URL", self.base_url())
            .env("LISTEN_ADDRESS", format!("127.0.0.1:{}", self.web))
            .env("METRICS_ADDRESS", format!("127.0.0.1:{metrics}"))
            .env("DATABASE_URL", self.database_url())
            .env(
                "MIGRATION_DATABASE_URL",
                self.services.database_url("migrator", DATABASE),
            )
            .env("REDIS_URL", self.redis_url())
            .env(
                "STORAGE_URL",
                format!("file://{}", self.folder.join("storage").display()),
            )
            .env("SMTP_URL", format!("smtp://127.0.0.1:{}", self.mail))
            .env("MAIL_FROM", "shop@example.test")
            .env("PAYMENT_API_URL", self.sandbox_url())
            .env("PAYMENT_API_KEY", PAYMENT_API_KEY)
            .env("PAYMENT_WEBHOOK_SECRETS", WEBHOOK_SECRET)
            // The sandbox is on this machine.
            .env("WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true")
            .env("SECRET_KEY_FILE", secrets.join(secrets::SECRET_KEY))
            .env(
                "JWT_SIGNING_KEY_FILE",
                secrets.join(secrets::JWT_SIGNING_KEY),
            );
        server
    }

    /// The stand-in for payment provider and mail server.
    pub(crate) fn sandbox(&self) -> Command {
        let mut sandbox = Command::new(self.binary("sandbox"));
        sandbox
            .env("NO_COLOR", "1")
            .args(["--http-port", &self.sandbox.to_string()])
            .args(["--smtp-port", &self.mail.to_string()])
            .args(["--public-url", &self.sandbox_url()])
            .args([
                "--webhook-url",
                &format!("{}/webhooks/payments", self.base_url()),
            ])
            .args(["--webhook-secret", WEBHOOK_SECRET])
            .args(["--api-key", PAYMENT_API_KEY]);
        sandbox
    }
}

pub(crate) fn local_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The status of a page on this machine; `None` while nothing answers.
pub(crate) fn page_status(port: u16, path: &str) -> Option<u16> {
    let mut stream = ask_for_page(port, path)?;
    // `HTTP/1.1 200`
    let mut start = [0; 12];
    stream.read_exact(&mut start).ok()?;
    let start = str::from_utf8(&start).ok()?;
    start.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

/// A page on this machine that answers with 200, headers included.
pub(crate) fn page(port: u16, path: &str) -> Option<String> {
    let mut page = String::new();
    ask_for_page(port, path)?.read_to_string(&mut page).ok()?;
    page.starts_with("HTTP/1.1 200").then_some(page)
}

fn ask_for_page(port: u16, path: &str) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    Some(stream)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    #[test]
    fn the_status_of_a_page_is_read_from_its_first_line() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 12];
            stream.read_exact(&mut request).unwrap();
            stream
                .write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
                .unwrap();
            request
        });
        assert_eq!(page_status(port, "/readyz"), Some(503));
        assert_eq!(&server.join().unwrap(), b"GET /readyz ");
        assert_eq!(page_status(port, "/readyz"), None);
    }
}
