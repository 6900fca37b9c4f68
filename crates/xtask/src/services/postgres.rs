//! A private PostgreSQL cluster made from the machine's own packages.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use nix::unistd::{User, geteuid};

use super::{Purpose, last_line};
use crate::{
    checkout::{self, shown},
    process::{self, Interrupt},
};

/// The oldest version that the migrations are written for.
const OLDEST: u32 = 15;

/// One version's programs on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    binaries: PathBuf,
    major: u32,
}

impl Installation {
    /// The newest one that is new enough.
    pub(crate) fn newest() -> Option<Self> {
        Self::all().into_iter().max_by_key(|found| found.major)
    }

    /// Debian and the version-numbered packages of others put the server's programs beside the `PATH`.
    fn all() -> Vec<Self> {
        let parents = [
            ("/usr/lib/postgresql", ""),
            ("/usr", "pgsql-"),
            ("/opt/homebrew/opt", "postgresql"),
            ("/usr/local/opt", "postgresql"),
        ];
        let numbered = parents.into_iter().flat_map(|(parent, prefix)| {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            entries
                .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
                .map(|entry| entry.path().join("bin"))
        });
        numbered
            .chain(on_path())
            .filter_map(Self::in_folder)
            .filter(|found| found.major >= OLDEST)
            .collect()
    }

    fn in_folder(binaries: PathBuf) -> Option<Self> {
        if !binaries.join("initdb").exists() || !binaries.join("psql").exists() {
            return None;
        }
        let version = Command::new(binaries.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let major = major(&String::from_utf8_lossy(&version.stdout))?;
        Some(Self { binaries, major })
    }
}

fn on_path() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// The major version in `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)` or in `PG_VERSION`.
fn major(version: &str) -> Option<u32> {
    let number = version
        .rsplit_once("PostgreSQL) ")
        .map_or(version, |(_, rest)| rest);
    let digits = number
        .trim()
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}

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
        let common =
            format!("-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=");
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

/// Deletes a cluster that does not run.
pub(crate) fn erase(home: &Path) -> anyhow::Result<()> {
    if let Some(elsewhere) = elsewhere(home) {
        remove_folder(&elsewhere)?;
    }
    remove_folder(&home.join("postgres"))
}

/// The programs that can read the data folder.
fn fit_for(data: &Path, installed: Vec<Installation>) -> anyhow::Result<Installation> {
    let newest = installed.iter().max_by_key(|found| found.major).cloned();
    let newest = newest.context("PostgreSQL 15 or newer is not installed")?;
    let Ok(version) = fs::read_to_string(data.join("PG_VERSION")) else {
        return Ok(newest);
    };
    let made_by = major(&version);
    installed
        .into_iter()
        .find(|found| Some(found.major) == made_by)
        .with_context(|| {
            format!(
                "{} was made by PostgreSQL {}, but {} is installed: \
                 install the older one again, or make the demo data anew with `cargo xtask dev --reset`",
                shown(data),
                version.trim(),
                newest.major
            )
        })
}

/// Where the cluster's files lie.
///
/// The server's own user may not be let into the checkout, as below root's home. Then they lie in `/var/tmp`, which
/// survives a reboot, and a file in the checkout names the place.
fn data_folder(home: &Path, account: Option<Account>) -> anyhow::Result<PathBuf> {
    if let Some(elsewhere) = elsewhere(home) {
        return Ok(elsewhere.join("data"));
    }
    let folder = home.join("postgres");
    let Some(account) = account else {
        create_private(&folder)?;
        return Ok(folder.join("data"));
    };
    create_owned(&folder, account)?;
    if can_write(&folder, account) {
        return Ok(folder.join("data"));
    }
    let purpose = home.file_name().unwrap_or_default().to_string_lossy();
    let elsewhere = PathBuf::from(format!(
        "/var/tmp/postgres-{}-{:016x}",
        purpose.trim_start_matches('.'),
        checkout::fingerprint()
    ));
    create_owned(&elsewhere, account)?;
    ensure!(
        can_write(&elsewhere, account),
        "the user `postgres` can write neither to {} nor to {}: move the checkout to a folder that it can enter",
        shown(&folder),
        elsewhere.display()
    );
    fs::write(
        folder.join("elsewhere"),
        elsewhere.to_string_lossy().as_bytes(),
    )
    .context("note the place of the data folder")?;
    Ok(elsewhere.join("data"))
}

/// Whether a cluster of this checkout may be running. Needs no installed programs, so that a folder which none of them
/// can read may still be deleted.
pub(crate) fn may_run(home: &Path) -> bool {
    let folder = elsewhere(home).unwrap_or_else(|| home.join("postgres"));
    folder.join("data/postmaster.pid").exists()
}

fn elsewhere(home: &Path) -> Option<PathBuf> {
    let place = fs::read_to_string(home.join("postgres/elsewhere")).ok()?;
    Some(PathBuf::from(place.trim()))
}

fn create_private(folder: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("create {}", shown(folder)))
}

fn create_owned(folder: &Path, account: Account) -> anyhow::Result<()> {
    create_private(folder)?;
    let found = fs::symlink_metadata(folder).context("look at the data folder")?;
    // In a folder where everybody may write, somebody else may have been first.
    ensure!(
        found.is_dir() && (found.uid() == account.uid || found.uid() == 0),
        "{} belongs to somebody else: remove it",
        folder.display()
    );
    chown(folder, Some(account.uid), Some(account.gid))
        .with_context(|| format!("hand {} to the user postgres", shown(folder)))
}

fn can_write(folder: &Path, account: Account) -> bool {
    let mut test = Command::new("test");
    test.arg("-w").arg(folder).current_dir("/");
    test.uid(account.uid).gid(account.gid);
    test.status().is_ok_and(|status| status.success())
}

fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("delete {}", shown(folder)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<Installation> {
        majors
            .iter()
            .map(|&major| Installation {
                binaries: PathBuf::new(),
                major,
            })
            .collect()
    }

    #[test]
    fn the_major_version_is_read_from_what_the_programs_and_the_data_folder_say() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("17\n"), Some(17));
        assert_eq!(major("nothing"), None);
    }

    #[test]
    fn a_new_cluster_is_made_by_the_newest_version() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = fit_for(folder.path(), installed(&[15, 17, 16])).unwrap();
        assert_eq!(chosen.major, 17);
    }

    #[test]
    fn an_old_cluster_is_run_by_its_own_version_while_that_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("PG_VERSION"), "15\n").unwrap();
        let chosen = fit_for(folder.path(), installed(&[15, 17])).unwrap();
        assert_eq!(chosen.major, 15);
    }

    #[test]
    fn a_stale_data_folder_is_named_together_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("PG_VERSION"), "14\n").unwrap();
        let error = fit_for(folder.path(), installed(&[17]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("made by PostgreSQL 14"), "{error}");
        assert!(error.contains("`cargo xtask dev --reset`"), "{error}");
    }
}
