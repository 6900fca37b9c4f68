//! A private PostgreSQL cluster made from the machine's own packages.

mod installation;
mod place;

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use nix::unistd::{User, geteuid};

use super::{Purpose, last_line};
use crate::{
    checkout::shown,
    process::{self, Interrupt},
};
pub(crate) use installation::Installation;
use installation::fit_for;
use place::{data_folder, remove_folder};
pub(crate) use place::{erase, folder, may_run};

/// Slow statements are logged with their plan, and all are counted, as `deploy/postgres/postgresql.conf` has it in production.
pub(crate) const WATCHED: [&str; 2] = [
    "shared_preload_libraries=auto_explain,pg_stat_statements",
    "auto_explain.log_min_duration=200ms",
];

/// The system user that the server runs as when this command runs as root, which PostgreSQL refuses to.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    fn needed() -> anyhow::Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let user = User::from_name("postgres")
            .context("look up the user postgres")?
            .context(
                "PostgreSQL refuses to run as root and there is no user `postgres`: \
                 run this as another user, or create that one with `useradd --system postgres`",
            )?;
        Ok(Some(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }))
    }
}

/// A cluster in a folder of its own, reachable from this machine only.
///
/// Whoever can log in to this machine can connect without a password, as with `initdb`'s own default: it holds demo
/// data, and its address can go into any tool as it is printed.
pub(crate) struct Cluster {
    installation: Installation,
    account: Option<Account>,
    data: PathBuf,
    log: PathBuf,
    purpose: Purpose,
}

impl Cluster {
    /// Finds programs and folder; starts nothing.
    pub(crate) fn find(home: &Path, purpose: Purpose) -> anyhow::Result<Self> {
        let account = Account::needed()?;
        let data = data_folder(home, account)?;
        let installation = fit_for(&data, Installation::all())?;
        Ok(Self {
            installation,
            account,
            data,
            log: home.join("logs/postgres.log"),
            purpose,
        })
    }

    /// The port of the running cluster.
    pub(crate) fn running(&self) -> anyhow::Result<Option<u16>> {
        let status = self
            .tool("pg_ctl")
            .args(["status", "--silent", "-D"])
            .arg(&self.data)
            .stdout(Stdio::null())
            .status()
            .context("run pg_ctl status")?;
        if !status.success() {
            return Ok(None);
        }
        let pid_file = self.data.join("postmaster.pid");
        let port = fs::read_to_string(&pid_file)
            .ok()
            .and_then(|lines| lines.lines().nth(3)?.trim().parse().ok());
        // After a reboot the recorded process id can belong to any other program.
        match port.filter(|port| self.answers(*port)) {
            Some(port) => Ok(Some(port)),
            None => bail!(
                "PostgreSQL in {} neither runs nor is stopped: end its process or, if there is none, delete {}",
                shown(&self.data),
                pid_file.display(),
            ),
        }
    }

    /// Whether this very cluster listens there.
    fn answers(&self, port: u16) -> bool {
        let output = self
            .psql(port, "postgres")
            .args(["-Atc", "SHOW data_directory"])
            .output();
        output.is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout).trim() == self.data.to_string_lossy()
        })
    }

    /// Makes the cluster if there is none, and starts it; returns when it takes connections.
    pub(crate) fn start(&self, port: u16, interrupt: &Interrupt) -> anyhow::Result<()> {
        if !self.data.join("PG_VERSION").exists() {
            self.create(interrupt)?;
        }
        let log = File::options().append(true).create(true).open(&self.log);
        let log = log.with_context(|| format!("open {}", shown(&self.log)))?;
        let errors = log.try_clone().context("share a log file")?;
        let mut start = self.tool("pg_ctl");
        start
            .args(["start", "--wait", "--silent", "--timeout=60", "-D"])
            .arg(&self.data)
            .args(["-o", &self.settings(port)])
            .stdout(log)
            .stderr(errors);
        if process::run(&mut start, interrupt)?.success() {
            return Ok(());
        }
        bail!(
            "PostgreSQL did not start on port {port}{}: see {}",
            last_line(&self.log, "FATAL").map_or(String::new(), |line| format!(" ({line})")),
            shown(&self.log)
        );
    }

    fn create(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        // Made under another name first: a half-made cluster would look like a whole one to the next start.
        let unfinished = self.data.with_extension("unfinished");
        remove_folder(&unfinished)?;
        remove_folder(&self.data)?;
        let mut create = self.tool("initdb");
        create
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            // The same order everywhere, whatever the person's own language.
            .arg(if cfg!(target_os = "linux") {
                "--locale=C.UTF-8"
            } else {
                "--locale=C"
            })
            .arg("-D")
            .arg(&unfinished)
            .stdout(Stdio::null());
        if self.purpose == Purpose::Test {
            create.arg("--no-sync");
        }
        let status = process::run(&mut create, interrupt)?;
        ensure!(
            status.success(),
            "PostgreSQL could not make its data folder: see its message above"
        );
        fs::rename(&unfinished, &self.data).context("name the new data folder")
    }

    fn settings(&self, port: u16) -> String {
        // No socket file: its path would hit the limit of 107 bytes in a deep checkout.
        let common = format!(
            "-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= {}",
            WATCHED.map(|setting| format!("-c {setting}")).join(" ")
        );
        match self.purpose {
            Purpose::Dev => common,
            // Thrown away after use: a crash of the machine may cost the data, a test run must not wait for the disk.
            // Every test has a database and two pools of its own.
            Purpose::Test => format!(
                "{common} -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300"
            ),
        }
    }

    /// Ends every session and the cluster, with all that was committed on disk.
    pub(crate) fn stop(&self) -> anyhow::Result<()> {
        let status = self
            .tool("pg_ctl")
            .args([
                "stop",
                "--wait",
                "--silent",
                "--mode=fast",
                "--timeout=60",
                "-D",
            ])
            .arg(&self.data)
            .status()
            .context("run pg_ctl stop")?;
        ensure!(
            status.success(),
            "PostgreSQL in {} does not stop: see {}",
            shown(&self.data),
            shown(&self.log)
        );
        Ok(())
    }

    /// A client of the cluster, as its superuser, that stops at the first error.
    pub(crate) fn psql(&self, port: u16, database: &str) -> Command {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"])
            .args(["-p", &port.to_string(), "-U", "postgres", "-d", database]);
        psql
    }

    fn client(&self, name: &str) -> Command {
        let mut command = Command::new(self.installation.binaries.join(name));
        for variable in [
            "PGDATA",
            "PGHOSTADDR",
            "PGOPTIONS",
            "PGSERVICE",
            "PGSSLMODE",
        ] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    /// A program that must run as the cluster's owner, from a folder which that user can enter.
    fn tool(&self, name: &str) -> Command {
        let mut command = self.client(name);
        command.current_dir("/");
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}
