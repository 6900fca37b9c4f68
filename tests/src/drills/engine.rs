//! Docker's command line, and what the drill asks of it. Any program that is called `docker` and takes the same will do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Command;

use crate::{Shop, eventually, free_port};

/// What the image of this checkout is called here.
pub(super) const TAG: &str = "mainstay:drill";

/// What deploy/compose.yaml gives a colour.
const MEMORY: &str = "256m";

pub(super) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Fails with what to do where no engine answers.
pub(super) async fn require() {
    let info = Command::new("docker").arg("info").output().await;
    assert!(
        info.is_ok_and(|info| info.status.success()),
        "no engine of containers answers to `docker info`. On Debian: `apt-get install docker.io`, and start it"
    );
}

/// What Docker prints, or why it fails.
pub(super) async fn docker<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<String, String> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let output = Command::new("docker")
        .args(&arguments)
        .env("DOCKER_BUILDKIT", "1")
        .current_dir(root())
        .output()
        .await
        .expect("docker was there a moment ago");
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What Docker prints; it must not fail.
pub(super) async fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    docker(arguments).await.expect("what docker is told")
}

pub(super) async fn git(arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    let output = git.args(arguments).current_dir(root()).output().await;
    let output = output.expect("git");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The image of this checkout.
pub(super) struct Image;

impl Image {
    /// Builds it as the workflow of releases does.
    pub(super) async fn build() -> Self {
        let revision = format!("REVISION={}", git(&["rev-parse", "HEAD"]).await);
        let made = git(&["log", "-1", "--format=%ct"]).await;
        let made = format!("SOURCE_DATE_EPOCH={made}");
        // The machine's own network: crates come from where the machine gets them.
        let build = ["build", "--network", "host", "--tag", TAG];
        let arguments = ["--build-arg", &revision, "--build-arg", &made];
        let version = ["--build-arg", "VERSION=drill", "."];
        run(build.into_iter().chain(arguments).chain(version)).await;
        Self
    }

    pub(super) async fn inspect(&self, format: &str) -> String {
        run(["image", "inspect", "--format", format, TAG]).await
    }

    /// Whether there is such a file. A container that is never started shows them.
    pub(super) async fn has(&self, path: &str) -> bool {
        self.copy(path).await.is_some()
    }

    pub(super) async fn size_of(&self, path: &str) -> u64 {
        let copy = self.copy(path).await;
        let (_folder, file) = copy.unwrap_or_else(|| panic!("the image has no {path}"));
        fs::metadata(file).expect("a copy").len()
    }

    async fn copy(&self, path: &str) -> Option<(tempfile::TempDir, PathBuf)> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("copy");
        let container = run(["create", TAG]).await;
        let from = format!("{container}:{path}");
        let copied = docker(["cp", "--follow-link", &from, &file.to_string_lossy()]).await;
        run(["rm", &container]).await;
        copied.ok().map(|_| (folder, file))
    }
}

/// A container of the image; gone with the last of these values.
#[derive(Clone)]
pub(super) struct Container(Arc<Running>);

struct Running {
    id: String,
    port: u16,
    metrics: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut remove = std::process::Command::new("docker");
        remove.args(["rm", "--force", &self.id]);
        // Whatever happens now, what the drill has seen matters more.
        drop(remove.output());
    }
}

impl Container {
    /// Runs `server COMMAND` over a shop's services, with no right and no place to write.
    pub(super) async fn start(image: &Image, shop: &Shop, command: &str) -> Self {
        let Image = image;
        let (port, metrics) = (free_port(), free_port());
        let secrets = secrets(shop);
        let mut arguments: Vec<String> = [
            "run",
            "--detach",
            "--network",
            "host",
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
            "--memory",
            MEMORY,
            "--pids-limit",
            "256",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--volume={}:/run/secrets:ro", secrets.display()));
        for (name, value) in shop.environment() {
            if !["SECRET_KEY", "JWT_SIGNING_KEY"].contains(name) {
                arguments.push(format!("--env={name}={value}"));
            }
        }
        // Secrets by files; files nowhere, because nothing here uploads one.
        arguments.extend([
            "--env=SECRET_KEY_FILE=/run/secrets/secret-key".to_owned(),
            "--env=JWT_SIGNING_KEY_FILE=/run/secrets/jwt-signing-key".to_owned(),
            "--env=STORAGE_URL=memory:".to_owned(),
            format!("--env=LISTEN_ADDRESS=127.0.0.1:{port}"),
            format!("--env=METRICS_ADDRESS=127.0.0.1:{metrics}"),
        ]);
        // The image's own check asks where pages are served; another one would be given to a shell, which is not there.
        let check = match command {
            "worker" => "--no-healthcheck",
            _ => "--health-interval=1s",
        };
        arguments.extend([check, TAG, command].map(str::to_owned));
        let id = run(arguments.iter().map(String::as_str)).await;
        Self(Arc::new(Running { id, port, metrics }))
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.0.port)
    }

    async fn ask(&self, format: &str) -> String {
        run(["inspect", "--format", format, &self.0.id]).await
    }

    /// Waits until the image's own check says so.
    pub(super) async fn healthy(&self) {
        eventually("a container that is healthy", async || {
            let state = self.ask("{{.State.Status}} {{.State.Health.Status}}").await;
            if state.starts_with("exited") {
                let log = docker(["logs", &self.0.id]).await;
                panic!("the container ended: {log:?}");
            }
            (state == "running healthy").then_some(())
        })
        .await;
    }

    /// Waits until a worker says so, as the check of deploy/compose.yaml asks it.
    pub(super) async fn works(&self) {
        let check = [
            "exec",
            &self.0.id,
            "/usr/local/bin/server",
            "health",
            "--worker",
        ];
        eventually("a worker that is ready", async || docker(check).await.ok()).await;
    }

    /// What it takes, as the engine counts it.
    pub(super) async fn memory(&self) -> String {
        let stats = [
            "stats",
            "--no-stream",
            "--format",
            "{{.MemUsage}}",
            &self.0.id,
        ];
        let used = run(stats).await;
        used.split(" / ").next().unwrap_or_default().to_owned()
    }

    /// What it has added, changed or deleted in its file system; the place of its secrets is the engine's doing.
    pub(super) async fn written(&self) -> String {
        let written = run(["diff", &self.0.id]).await;
        let lines = written.lines().filter(|line| !line.contains(" /run"));
        lines.collect()
    }

    pub(super) async fn has_requests_in_flight(&self) {
        eventually("a request in flight", async || {
            let url = format!("http://127.0.0.1:{}/metrics", self.0.metrics);
            let metrics = crate::client()
                .get(url)
                .send()
                .await
                .ok()?
                .text()
                .await
                .ok()?;
            let mut lines = metrics.lines();
            lines
                .find_map(|line| line.strip_prefix("http_requests_in_flight "))
                .filter(|number| *number != "0")
                .map(|_| ())
        })
        .await;
    }

    /// Waits until nobody is let in any more.
    pub(super) async fn hung_up(&self) {
        eventually("a listener that is closed", async || {
            TcpStream::connect(self.address()).await.err()
        })
        .await;
    }

    /// Tells it to end as a release does; gives its exit code.
    pub(super) async fn stop(&self) -> i32 {
        let limit = Duration::from_secs(45).as_secs().to_string();
        run(["stop", "--time", &limit, &self.0.id]).await;
        let code = self.ask("{{.State.ExitCode}}").await;
        code.parse().expect("a number")
    }
}

/// Files that the image's user may read, which is neither root nor whoever runs the drill.
fn secrets(shop: &Shop) -> PathBuf {
    let folder = shop.folder().join("secrets");
    fs::create_dir_all(&folder).expect("a folder");
    for (name, value) in [
        ("secret-key", shop.setting("SECRET_KEY")),
        ("jwt-signing-key", shop.setting("JWT_SIGNING_KEY")),
    ] {
        fs::write(folder.join(name), value).expect("a file");
    }
    folder
}
