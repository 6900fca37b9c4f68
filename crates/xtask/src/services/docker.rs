//! PostgreSQL and Valkey in containers, for machines whose packages cannot be used.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};

use super::{Addresses, Purpose, postgres::WATCHED, redis};
use crate::{
    checkout::{self, shown},
    process::{self, Interrupt, wait_until},
};

const POSTGRES_IMAGE: &str = "postgres:17";
const REDIS_IMAGE: &str = "valkey/valkey:8";

/// Long enough for a first start on a slow disk; pulling the images is not part of it.
const LIMIT: Duration = Duration::from_mins(1);

/// The two containers of one purpose. Their names tell this checkout from others.
pub(crate) struct Containers {
    postgres: String,
    redis: String,
    purpose: Purpose,
    logs: PathBuf,
}

impl Containers {
    pub(crate) fn new(home: &Path, purpose: Purpose) -> Self {
        let name = |service: &str| format!("{purpose}-{service}-{:016x}", checkout::fingerprint());
        Self {
            postgres: name("postgres"),
            redis: name("redis"),
            purpose,
            logs: home.join("logs"),
        }
    }

    /// Says what to do where Docker cannot be used.
    pub(crate) fn require() -> anyhow::Result<()> {
        let output = Command::new("docker").arg("info").output();
        ensure!(
            output.is_ok_and(|output| output.status.success()),
            "Docker does not answer: start it, or leave `--docker` out to use this machine's packages"
        );
        Ok(())
    }

    /// The ports on which both containers are reachable from here.
    pub(crate) fn running(&self) -> Option<Addresses> {
        Some(Addresses {
            postgres: published_port(&self.postgres, "5432/tcp")?,
            redis: published_port(&self.redis, "6379/tcp")?,
        })
    }

    /// Starts both; returns when they take connections.
    pub(crate) fn start(&self, ports: Addresses, interrupt: &Interrupt) -> anyhow::Result<()> {
        Self::require()?;
        self.stop()?;
        run(&mut self.postgres_container(ports.postgres), interrupt)?;
        run(&mut self.redis_container(ports.redis), interrupt)?;
        let ready = wait_until(interrupt, LIMIT, || {
            let ended = !is_running(&self.postgres)? || !is_running(&self.redis)?;
            Ok(ended || self.answers(ports)?)
        })?;
        if !ready || !self.answers(ports)? {
            // Whoever called ends the containers, and their words would go with them.
            self.keep_logs()?;
            bail!(
                "the containers of PostgreSQL and Redis do not answer: see {}",
                shown(&self.logs)
            );
        }
        Ok(())
    }

    /// While PostgreSQL's image fills an empty volume it answers on its socket alone, hence the address.
    fn answers(&self, ports: Addresses) -> anyhow::Result<bool> {
        let postgres = docker(["exec", &self.postgres, "pg_isready", "-q"])
            .args(["-h", "127.0.0.1"])
            .stderr(Stdio::null())
            .status()
            .context("run docker exec")?;
        Ok(postgres.success() && redis::pings(ports.redis))
    }

    fn keep_logs(&self) -> anyhow::Result<()> {
        for (name, service) in [(&self.postgres, "postgres"), (&self.redis, "redis")] {
            let log = File::create(self.logs.join(format!("{service}.log")))
                .context("create a log file")?;
            let errors = log.try_clone().context("share a log file")?;
            docker(["logs", name])
                .stdout(log)
                .stderr(errors)
                .status()
                .context("run docker logs")?;
        }
        Ok(())
    }

    fn postgres_container(&self, port: u16) -> Command {
        let mut command = docker(["run", "--detach", "--name", &self.postgres]);
        command
            .args(["--publish", &format!("127.0.0.1:{port}:5432")])
            .args(["--env", "POSTGRES_HOST_AUTH_METHOD=trust"])
            .args(["--env", "POSTGRES_INITDB_ARGS=--locale=C.UTF-8"]);
        match self.purpose {
            Purpose::Dev => command
                .args([
                    "--volume",
                    &format!("{}:/var/lib/postgresql/data", self.postgres),
                ])
                .arg(POSTGRES_IMAGE),
            Purpose::Test => command
                .args(["--tmpfs", "/var/lib/postgresql/data", POSTGRES_IMAGE])
                .args(["-c", "fsync=off", "-c", "max_connections=300"]),
        };
        command.args(WATCHED.map(|setting| ["-c", setting]).as_flattened());
        command
    }

    fn redis_container(&self, port: u16) -> Command {
        let mut command = docker(["run", "--detach", "--name", &self.redis]);
        command
            .args(["--publish", &format!("127.0.0.1:{port}:6379"), REDIS_IMAGE])
            .args(["valkey-server", "--save", "", "--appendonly", "no"])
            // Published on loopback only, but to the server every client looks like one from outside.
            .args(["--protected-mode", "no"]);
        command
    }

    /// Ends both. Data of the dev purpose stays in its volume.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        for name in [&self.redis, &self.postgres] {
            for step in ["stop", "rm"] {
                if !exists(name)? {
                    continue;
                }
                let status = docker([step, name])
                    .stdout(Stdio::null())
                    .status()
                    .with_context(|| format!("run docker {step}"))?;
                ensure!(
                    status.success(),
                    "the container {name} does not stop: see docker's message above"
                );
            }
        }
        Ok(())
    }

    /// Deletes the data of stopped containers.
    pub(crate) fn erase(&self) -> anyhow::Result<()> {
        let status = docker(["volume", "rm", "--force", &self.postgres])
            .stdout(Stdio::null())
            .status()
            .context("run docker volume rm")?;
        ensure!(
            status.success(),
            "docker could not delete the volume {}",
            self.postgres
        );
        Ok(())
    }

    /// A client of the cluster, run in its container.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut command = docker(["exec", "-i", &self.postgres, "psql"]);
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]).args([
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-d",
            database,
        ]);
        command
    }
}

fn docker<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(command: &mut Command, interrupt: &Interrupt) -> anyhow::Result<()> {
    // The container's id, which nobody needs, goes to standard output; progress goes to standard error.
    let status = process::run(command.stdout(Stdio::null()), interrupt)?;
    ensure!(
        status.success(),
        "docker could not start a container: see its message above"
    );
    Ok(())
}

fn exists(name: &str) -> anyhow::Result<bool> {
    Ok(running_state(name)?.is_some())
}

fn is_running(name: &str) -> anyhow::Result<bool> {
    Ok(running_state(name)? == Some(true))
}

/// Whether a container runs; `None` when there is none.
fn running_state(name: &str) -> anyhow::Result<Option<bool>> {
    let output = docker([
        "container",
        "inspect",
        "--format",
        "{{.State.Running}}",
        name,
    ])
    .output()
    .context("run docker container inspect")?;
    let running = String::from_utf8_lossy(&output.stdout).trim() == "true";
    Ok(output.status.success().then_some(running))
}

fn published_port(name: &str, port: &str) -> Option<u16> {
    let output = docker(["port", name, port]).output().ok()?;
    let address = String::from_utf8(output.stdout).ok()?;
    address.lines().next()?.rsplit_once(':')?.1.parse().ok()
}
