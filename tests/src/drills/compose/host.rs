//! A host as `deploy/README.md` has it made, in a folder: its settings, its secrets, and its services in an engine.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command as Blocking, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Certificate, Client};
use tempfile::TempDir;
use tokio::process::Command;

use crate::drills::engine::{self, TAG, docker, root};
use crate::drills::readers::{self, Read, read_until};
use crate::{artefacts, client_builder, eventually, free_port};

/// Compose puts it before the names of everything; a run that was killed is found again by it.
const PROJECT: &str = "mainstay-drill";
const BROKEN: &str = "mainstay:drill-broken";

/// What providers would have given.
const PROVIDERS: [(&str, &str); 5] = [
    ("smtp-url", "smtp://127.0.0.1:2525"),
    ("payment-api-key", "sk_live_of_nobody"),
    (
        "payment-webhook-secrets",
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    ),
    ("storage-access-key-id", "an-id"),
    ("storage-secret-access-key", "a-key-of-nobody"),
];

/// Gone, with its containers, volumes and network, when this value is.
pub(in crate::drills) struct Host {
    port: u16,
    program: Vec<String>,
    root_certificate: Option<Certificate>,
    folder: TempDir,
}

impl Host {
    /// Makes settings and secrets, and starts what stands around the colours.
    pub(in crate::drills) async fn open() -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "an operator makes secrets and folders for users of containers by `sudo`: run this drill as root"
        );
        let mut host = Self {
            port: free_port(),
            program: program(),
            root_certificate: None,
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        host.make_settings();
        // Of a run that was killed.
        host.compose(&["down", "--volumes"]).await;
        let up = ["up", "--detach", "caddy", "postgres", "pgbouncer", "redis"];
        host.compose(&up).await;
        host.root_certificate = Some(host.fetch_certificate().await);
        host
    }

    fn make_settings(&self) {
        let etc = self.folder.path().join("etc");
        for folder in ["etc/secrets", "data", "run/active", "run/assets"] {
            fs::create_dir_all(self.folder.path().join(folder)).expect("a folder");
        }
        let assets = self.folder.path().join("run/assets");
        std::os::unix::fs::chown(assets, Some(65532), Some(65532)).expect("to be root");
        for (name, value) in PROVIDERS {
            fs::write(etc.join("secrets").join(name), value).expect("a secret");
        }
        let secrets = Blocking::new(root().join("deploy/secrets"))
            .arg("compose")
            .env("SETTINGS_ROOT", &etc)
            .output()
            .expect("deploy/secrets");
        let told = String::from_utf8_lossy(&secrets.stderr);
        assert!(secrets.status.success() && told.is_empty(), "{told}");

        let url = self.url("");
        let settings = [
            ("PUBLIC_URL", url.as_str()),
            ("PAYMENT_PAGE_ORIGIN", "https://checkout.stripe.com"),
        ];
        fs::write(etc.join("env"), edited("deploy/env.example", &settings)).expect("settings");
        // The one volume that PostgreSQL and what backs it up share stands for a bucket.
        let backup = [("PGBACKREST_REPO1_TYPE", "posix")];
        let mut backup = edited("deploy/backup/pgbackrest.env", &backup)
            .replace("REPO1_PATH=/", "REPO1_PATH=/var/run/postgresql/");
        backup.push_str("PGBACKREST_REPO1_CIPHER_PASS=of-nobody\n");
        fs::write(etc.join("backup.env"), backup).expect("settings");
        fs::write(etc.join("compose.env"), self.compose_settings()).expect("settings");
    }

    /// The example's, with folders and ports that are not those of a real installation.
    fn compose_settings(&self) -> String {
        let folder = self.folder.path().display();
        let (data, run) = (format!("{folder}/data"), format!("{folder}/run"));
        let settings = [
            ("SITE_ADDRESS", "localhost"),
            ("FILES_ADDRESS", "files.localhost"),
            ("COMPOSE_PROFILES", ""),
            ("DATA_FOLDER", &data),
            ("RUN_FOLDER", &run),
        ];
        let mut text = edited("deploy/compose.env.example", &settings);
        for (name, file) in [
            ("SETTINGS_FILE", "env"),
            ("SECRETS_FOLDER", "secrets"),
            ("OPERATOR_FOLDER", "operator"),
            ("BACKUP_FILE", "backup.env"),
            ("MIGRATE_FILE", "migrate.env"),
        ] {
            writeln!(text, "{name}={folder}/etc/{file}").expect("a string");
        }
        for colour in ["BLUE", "GREEN"] {
            for port in ["APP", "APP_METRICS", "WORKER_METRICS"] {
                writeln!(text, "{colour}_{port}=127.0.0.1:{}", free_port()).expect("a string");
            }
        }
        let (http, https) = (free_port(), self.port);
        write!(
            text,
            "HTTP_PORT=127.0.0.1:{http}\nHTTPS_PORT=127.0.0.1:{https}\nCOMPOSE_PROJECT_NAME={PROJECT}\n"
        )
        .expect("a string");
        text
    }

    /// Writes the settings of `deploy/release`, of which one is how a backup is made.
    pub(in crate::drills) fn tell_release(&self, backup: &str) {
        let (folder, url) = (self.folder.path(), self.url(""));
        let compose = self.program.join(" ");
        let mut text = fs::read_to_string(folder.join("etc/compose.env")).expect("settings");
        write!(
            text,
            "RUNTIME=compose\nCOMPOSE='{compose}'\nSITE_URL={url}\nBACKUP_COMMAND='{backup}'\nCURL_CA_BUNDLE={}\n",
            folder.join("root.crt").display()
        )
        .expect("a string");
        fs::write(self.settings_of_release(), text).expect("settings");
    }

    /// Where it does so.
    pub(in crate::drills) fn settings_of_release(&self) -> PathBuf {
        self.folder.path().join("etc/deploy.env")
    }

    /// The id of the image that a release runs.
    pub(in crate::drills) fn image_of(&self, release: &str) -> String {
        let file = self
            .folder
            .path()
            .join(format!("run/releases/{release}/image"));
        let id = fs::read_to_string(file).expect("a release that is kept");
        id.trim().to_owned()
    }

    /// What makes a backup, in words.
    pub(in crate::drills) fn backup_command(&self) -> String {
        let words = [self.words(), vec!["run --rm -T backup".to_owned()]];
        words.concat().join(" ")
    }

    /// Calls another command of the service that backs up.
    pub(in crate::drills) async fn back_up(&self, command: &[&str]) -> String {
        self.compose(&[&["run", "--rm", "-T", "backup"], command].concat())
            .await
    }

    /// Compose with this host's settings, as operators type it.
    fn words(&self) -> Vec<String> {
        let settings = self.folder.path().join("etc/compose.env");
        let file = root().join("deploy/compose.yaml");
        let mut words = self.program.clone();
        words.extend(["--env-file".to_owned(), settings.display().to_string()]);
        words.extend(["--file".to_owned(), file.display().to_string()]);
        words
    }

    /// Has Compose do something that succeeds; gives all that it printed.
    pub(in crate::drills) async fn compose(&self, arguments: &[&str]) -> String {
        let words = self.words();
        let mut compose = Command::new(&words[0]);
        // Only what builds the image for backups reads it.
        let compose = (compose.args(&words[1..]).args(arguments)).env("IMAGE", TAG);
        let output = compose.stdin(Stdio::null()).output().await;
        let output = output.expect("Compose");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(output.status.success(), "compose {arguments:?}: {told}");
        told
    }

    /// Calls the script that releases: how long it took, or what it said.
    pub(in crate::drills) async fn release(&self, arguments: &[&str]) -> Result<Duration, String> {
        let since = Instant::now();
        let mut release = Command::new(root().join("deploy/release"));
        release
            .args(arguments)
            .env("DEPLOY_SETTINGS", self.settings_of_release())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if arguments.contains(&BROKEN) {
            release.env("READY_SECONDS", "15");
        }
        let output = release.output().await.expect("deploy/release");
        if output.status.success() {
            Ok(since.elapsed())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    pub(in crate::drills) async fn must_release(&self, arguments: &[&str]) -> Duration {
        let released = self.release(arguments).await;
        released.unwrap_or_else(|told| panic!("deploy/release {arguments:?}: {told}"))
    }

    /// Holds what the script says of its own work against what is expected.
    pub(in crate::drills) async fn serves(&self, expected: &str) {
        let mut status = Command::new(root().join("deploy/release"));
        let status = (status.arg("status")).env("DEPLOY_SETTINGS", self.settings_of_release());
        let status = status.output().await.expect("deploy/release").stdout;
        let status = String::from_utf8_lossy(&status);
        assert!(status.starts_with(expected), "{status}");
    }

    /// Waits until so many containers run, all of them healthy.
    pub(in crate::drills) async fn is_healthy(&self, containers: usize) {
        let project = format!("label=com.docker.compose.project={PROJECT}");
        let ps = ["ps", "--filter", &project, "--format", "{{.Status}}"];
        eventually("containers that are all healthy", async || {
            let states = docker(ps).await.ok()?;
            let healthy = states.lines().filter(|it| it.contains("(healthy)")).count();
            (healthy == containers && states.lines().count() == containers).then_some(())
        })
        .await;
    }

    /// An image that migrates and has its assets, and then listens at an address that is not its own.
    pub(in crate::drills) async fn broken_image(&self) -> &'static str {
        let container = engine::run(["create", TAG]).await;
        let change = "ENV LISTEN_ADDRESS=203.0.113.1:8080";
        engine::run(["commit", "--change", change, &container, BROKEN]).await;
        engine::run(["rm", &container]).await;
        BROKEN
    }

    async fn fetch_certificate(&self) -> Certificate {
        let file = "/data/caddy/pki/authorities/local/root.crt";
        let words = self.words();
        let pem = eventually("Caddy's own certificate", async || {
            let mut cat = Command::new(&words[0]);
            let cat = (cat.args(&words[1..])).args(["exec", "-T", "caddy", "cat", file]);
            let output = cat.stdin(Stdio::null()).output().await.ok()?;
            output.status.success().then_some(output.stdout)
        })
        .await;
        fs::write(self.folder.path().join("root.crt"), &pem).expect("a file");
        Certificate::from_pem(&pem).expect("a certificate")
    }

    pub(in crate::drills) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Does something while so many people look at pages, each over one connection; gives what they saw.
    pub(in crate::drills) async fn under_readers<T>(
        &self,
        readers: usize,
        something: impl Future<Output = T>,
    ) -> (Read, T) {
        let is_over = AtomicBool::new(false);
        let page = self.url("/products");
        let readers = join_all((0..readers).map(|_| async {
            let pause = Duration::from_millis(50);
            read_until(&self.connection(), &page, pause, &is_over).await
        }));
        let something = async {
            let done = something.await;
            is_over.store(true, Ordering::Relaxed);
            done
        };
        let (read, done) = tokio::join!(readers, something);
        (Read::together(read), done)
    }

    /// A client with one connection of its own, which takes Caddy's certificate and asks nothing twice.
    fn connection(&self) -> Client {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let certificate = self.root_certificate.clone().expect("a host that is up");
        let client = client_builder()
            .resolve("localhost", address)
            .add_root_certificate(certificate);
        readers::connection(client)
    }
}

impl Drop for Host {
    /// Whatever fails here, what the drill has seen matters more.
    fn drop(&mut self) {
        let words = self.words();
        let compose = |arguments: &[&str]| {
            let mut compose = Blocking::new(&words[0]);
            compose.args(&words[1..]).args(arguments).output()
        };
        if std::thread::panicking()
            && let Ok(logs) = compose(&["logs", "--no-color", "--tail", "200"])
        {
            let _ = fs::write(artefacts().join("compose.log"), logs.stdout);
        }
        let _ = compose(&["down", "--volumes", "--remove-orphans"]);
        let _ = Blocking::new("docker").args(["rmi", BROKEN]).output();
    }
}

/// An example's text with other values for some of its settings.
fn edited(example: &str, settings: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(root().join(example)).expect("an example");
    for (name, value) in settings {
        let name = format!("{name}=");
        let line = text.lines().find(|line| line.starts_with(&name));
        let line = line
            .unwrap_or_else(|| panic!("{example} has no {name}"))
            .to_owned();
        text = text.replacen(&format!("\n{line}\n"), &format!("\n{name}{value}\n"), 1);
    }
    text
}

/// Compose of either generation.
fn program() -> Vec<String> {
    let plugin = Blocking::new("docker")
        .args(["compose", "version"])
        .output();
    if plugin.is_ok_and(|output| output.status.success()) {
        vec!["docker".to_owned(), "compose".to_owned()]
    } else {
        vec!["docker-compose".to_owned()]
    }
}
