//! A shop as it is run: Caddy with the file that production has, and whatever `deploy/release` starts behind it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Certificate, Client, ClientBuilder};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::drills::readers;
use crate::{Setup, Shop, artefacts, binaries, client_builder, eventually, free_port};

/// How people reach Caddy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// HTTP/1.1 without encryption.
    Plain,
    /// HTTP/2 over TLS, with a certificate of Caddy's own.
    Tls,
}

pub(super) struct Site {
    pub(super) shop: Shop,
    root: Option<Certificate>,
    address: SocketAddr,
    /// Of the colours: app, its metrics, its worker's metrics.
    ports: [(&'static str, u16); 6],
    name: String,
    caddy: Child,
    run: TempDir,
}

impl Site {
    /// Starts Caddy and what the shop needs, and brings in the release that this build is, as `current`.
    pub(super) async fn open(name: &str, wire: Wire) -> Self {
        let run = tempfile::tempdir().expect("a temporary folder");
        let logs = artefacts().join(format!("{name}-logs"));
        let _ = fs::remove_dir_all(&logs);
        fs::create_dir_all(&logs).expect("a folder for logs");
        std::os::unix::fs::symlink(&logs, run.path().join("logs")).expect("a link to the logs");
        let ports = [
            "BLUE_APP",
            "BLUE_APP_METRICS",
            "BLUE_WORKER_METRICS",
            "GREEN_APP",
            "GREEN_APP_METRICS",
            "GREEN_WORKER_METRICS",
        ];
        let ports = ports.map(|name| (name, free_port()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let caddy = caddy(run.path(), address, wire, &ports);
        eventually("a Caddy that listens", async || {
            TcpStream::connect(address).await.ok()
        })
        .await;
        let (url, root) = match wire {
            Wire::Plain => (format!("http://{address}"), None),
            Wire::Tls => {
                let url = format!("https://localhost:{}", address.port());
                (url, Some(root_certificate(run.path()).await))
            }
        };
        let client = trusting(root.as_ref(), address).build().expect("a client");
        let setup = Setup::new(name)
            .behind(&url, client)
            // Each colour is told its own; the commands that are read from the same settings listen nowhere.
            .with("LISTEN_ADDRESS", "127.0.0.1:0")
            .with("TRUSTED_PROXIES", "127.0.0.1/32");
        let site = Self {
            shop: Shop::open(setup).await,
            root,
            address,
            ports,
            name: name.to_owned(),
            caddy,
            run,
        };
        let current = binaries().join("server");
        site.must(&["--name", "current", &current.to_string_lossy()])
            .await;
        site
    }

    /// A client with one connection of its own.
    pub(super) fn connection(&self) -> Client {
        readers::connection(trusting(self.root.as_ref(), self.address))
    }

    /// The script that releases, with every setting of this shop.
    pub(super) fn release(&self, arguments: &[&str]) -> Command {
        self.release_by(&[], arguments)
    }

    /// The same, started by another program.
    pub(super) fn release_by(&self, program: &[String], arguments: &[&str]) -> Command {
        let script = root().join("deploy/release");
        let mut words = program.iter().map(OsString::from).chain([script.into()]);
        let mut release = Command::new(words.next().expect("at least the script"));
        release.args(words);
        let migrator = self.shop.database().url_of("migrator");
        let ports = self.ports.map(|(name, port)| (name, local(port)));
        let environment = self.shop.environment().iter();
        release
            .args(arguments)
            .envs(environment.map(|(name, value)| (name, value)))
            .envs(ports)
            .env("MIGRATION_DATABASE_URL", migrator.as_str())
            .env("DEPLOY_SETTINGS", "/dev/null")
            .env("RUNTIME", "process")
            .env("RUN_FOLDER", self.run.path())
            .env("SITE_URL", self.shop.url(""))
            .env("BACKUP_COMMAND", "true")
            .env("CURL_CA_BUNDLE", self.run.path().join(ROOT_CERTIFICATE))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        release
    }

    /// Has the script do something that succeeds.
    pub(super) async fn must(&self, arguments: &[&str]) {
        let released = self.release(arguments).output().await;
        let released = released.expect("a script that can be started");
        assert!(
            released.status.success(),
            "deploy/release {arguments:?}: {} (logs: target/journey/{}-logs)",
            told(&released),
            self.name
        );
    }

    /// Where the script keeps what it knows.
    pub(super) fn run_folder(&self) -> &Path {
        self.run.path()
    }

    /// What answers at the private port of a colour's server; nothing if it does not run.
    pub(super) async fn release_behind(&self, port: &str) -> Option<String> {
        let url = format!("http://{}/healthz", self.local(port));
        let report = self.shop.client().get(url);
        let report: serde_json::Value = report.send().await.ok()?.json().await.ok()?;
        Some(report["release"].as_str()?.to_owned())
    }

    /// Where the colour that serves is reached without Caddy.
    pub(super) fn url_of_serving_colour(&self) -> String {
        format!("http://{}", self.local(&format!("{}_APP", self.colour())))
    }

    /// Where Caddy listens.
    pub(super) fn caddys_address(&self) -> SocketAddr {
        self.address
    }

    /// An address of a colour's, such as `GREEN_APP`.
    pub(super) fn local(&self, name: &str) -> String {
        let port = self.ports.iter().find(|(known, _)| *known == name);
        local(port.expect("a port").1)
    }

    /// Ends green's server as `kill -9` does, and waits until nothing listens there.
    pub(super) async fn kill_green(&self) {
        let pid = fs::read_to_string(self.run.path().join("pids/app-green"));
        let pid = pid.ok().and_then(|pid| pid.trim().parse().ok());
        let pid = Pid::from_raw(pid.expect("a process id"));
        kill(pid, Signal::SIGKILL).expect("a process that can be ended");
        eventually("a port that is free", async || {
            let connected = TcpStream::connect(self.local("GREEN_APP")).await;
            connected.err()
        })
        .await;
    }

    /// Starts it again, as a service manager does.
    pub(super) fn start_green(&self) -> Child {
        let environment = self.shop.environment().iter();
        Command::new(self.run.path().join("colours/green/server"))
            .arg("serve")
            .envs(environment.map(|(name, value)| (name, value)))
            .env("LISTEN_ADDRESS", self.local("GREEN_APP"))
            .env("METRICS_ADDRESS", self.local("GREEN_APP_METRICS"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a server")
    }

    /// The colour that serves.
    pub(super) fn colour(&self) -> &'static str {
        if self.run.path().join("active/green").exists() {
            "GREEN"
        } else {
            "BLUE"
        }
    }
}

impl Drop for Site {
    /// What the script has started is nobody's child by now.
    fn drop(&mut self) {
        let _ = self.caddy.start_kill();
        for pid in fs::read_dir(self.run.path().join("pids"))
            .into_iter()
            .flatten()
        {
            let pid = pid.and_then(|file| fs::read_to_string(file.path()));
            if let Some(pid) = pid.ok().and_then(|pid| pid.trim().parse().ok()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

const ROOT_CERTIFICATE: &str = "caddy/pki/authorities/local/root.crt";

async fn root_certificate(run: &Path) -> Certificate {
    let file = run.join(ROOT_CERTIFICATE);
    eventually("Caddy's own certificate", async || {
        Certificate::from_pem(&fs::read(&file).ok()?).ok()
    })
    .await
}

/// A client that takes a certificate of Caddy's own.
fn trusting(root: Option<&Certificate>, address: SocketAddr) -> ClientBuilder {
    let client = client_builder().resolve("localhost", address);
    match root {
        Some(root) => client.add_root_certificate(root.clone()),
        None => client,
    }
}

fn caddy(run: &Path, address: SocketAddr, wire: Wire, ports: &[(&'static str, u16)]) -> Child {
    let port = |wanted: &str| {
        let mut ports = ports.iter();
        ports.find(|(name, _)| *name == wanted).expect("a port").1
    };
    let listen = address.port().to_string();
    let (site, http, https) = match wire {
        Wire::Plain => (format!(":{listen}"), listen, free_port().to_string()),
        Wire::Tls => ("localhost".to_owned(), free_port().to_string(), listen),
    };
    let log = File::create(run.join("logs/caddy.log")).expect("a log");
    Command::new("caddy")
        .args(["run", "--config"])
        .arg(root().join("Caddyfile"))
        .env("SITE_ADDRESS", site)
        .env("BIND_ADDRESS", "127.0.0.1")
        .env("HTTP_PORT", http)
        .env("HTTPS_PORT", https)
        .env("RUN_FOLDER", run)
        .env("BLUE_UPSTREAM", local(port("BLUE_APP")))
        .env("GREEN_UPSTREAM", local(port("GREEN_APP")))
        .env("CADDY_ADMIN", local(free_port()))
        // Its certificates and what it remembers go with the folder.
        .env("XDG_DATA_HOME", run)
        .env("XDG_CONFIG_HOME", run)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("Caddy, which `cargo xtask drill` installs")
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a script said.
pub(super) fn told(released: &Output) -> String {
    String::from_utf8_lossy(&released.stderr).into_owned()
}
