//! A PostgreSQL of the drill's own, which it may destroy, with a script's view of what it is backed up with.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Output;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use platform::testing::services;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::process::Command;
use url::Url;

use super::bucket::Bucket;
use crate::{Shop, binaries, eventually, free_port, parse};

/// Of every role: the scripts connect as strangers do.
const PASSWORD: &str = "drill";
const DATABASE: &str = "shop";
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub(super) struct Cluster {
    /// Holds the data folder, and those of restored ones beside it.
    folder: TempDir,
    /// Where PostgreSQL's programs are.
    programs: PathBuf,
    /// PostgreSQL refuses to run as root.
    owner: Option<User>,
    port: u16,
    backups: Vec<(String, String)>,
}

impl Cluster {
    /// A new cluster with the product's roles and an empty database, which archives into `bucket`.
    pub(super) async fn start(bucket: &Bucket) -> Self {
        let owner = geteuid().is_root().then(|| {
            let owner = User::from_name("postgres").expect("a list of users");
            owner.expect("the user postgres, of Debian's package postgresql")
        });
        let cluster = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            programs: programs().await,
            owner,
            port: free_port(),
            backups: bucket.settings(),
        };
        if let Some(User { uid, gid, .. }) = &cluster.owner {
            chown(
                cluster.folder.path(),
                Some(uid.as_raw()),
                Some(gid.as_raw()),
            )
            .expect("a folder handed over");
        }
        cluster.create().await;
        cluster
            .postgres(
                "pg_ctl",
                &[
                    "start",
                    "--wait",
                    "--silent",
                    "-D",
                    &cluster.data(),
                    "-l",
                    &cluster.log(),
                ],
            )
            .await;
        cluster.make_database().await;
        cluster
    }

    fn data(&self) -> String {
        self.path("data")
    }

    fn log(&self) -> String {
        self.path("postgres.log")
    }

    pub(super) fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("a path that is text").to_owned()
    }

    async fn create(&self) {
        let password = self.folder.path().join("password");
        fs::write(&password, PASSWORD).expect("a file that can be written");
        let password = format!("--pwfile={}", password.display());
        let arguments = [
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            &password,
        ];
        let common = [
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
            &self.data(),
        ];
        self.postgres("initdb", &[&arguments[..], &common].concat())
            .await;
        let settings =
            fs::read_to_string(Path::new(CHECKOUT).join("deploy/backup/postgresql.conf"));
        let settings = format!(
            "{}\nport = {}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\n",
            settings.expect("the settings of deploy/backup"),
            self.port,
            self.folder.path().display(),
        );
        fs::write(format!("{}/postgresql.conf", self.data()), settings)
            .expect("a file that can be written");
    }

    async fn make_database(&self) {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-v", &format!("database={DATABASE}"), "-f"])
            .arg(Path::new(CHECKOUT).join("deploy/postgres/roles.sql"))
            .arg(url(self.port, "postgres").as_str())
            .envs([("APP_PASSWORD", PASSWORD), ("MIGRATOR_PASSWORD", PASSWORD)]);
        succeed("psql", &psql.output().await.expect("psql"));
    }

    /// The running database, for its superuser.
    pub(super) fn database(&self) -> Url {
        database_at(self.port)
    }

    /// What PostgreSQL, pgBackRest and the scripts find in their environment.
    fn environment(&self) -> Vec<(String, String)> {
        let file = fs::read_to_string(Path::new(CHECKOUT).join("deploy/backup/pgbackrest.env"));
        let file = file.expect("the settings of deploy/backup");
        let shipped = file.lines().filter_map(|line| line.split_once('='));
        let shipped = shipped.filter(|(name, _)| name.starts_with("PGBACKREST_"));
        let own = [
            ("PGBACKREST_PG1_PATH", self.data()),
            ("PGBACKREST_PG1_SOCKET_PATH", self.path("")),
            ("PGBACKREST_PG1_PORT", self.port.to_string()),
            ("PGBACKREST_PG1_USER", "postgres".to_owned()),
            ("PGBACKREST_LOCK_PATH", self.path("lock")),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let shipped = shipped.map(|(name, value)| (name.to_owned(), value.to_owned()));
        shipped.chain(own).chain(self.backups.clone()).collect()
    }

    /// Runs a script of `deploy/backup`.
    pub(super) async fn script(&self, name: &str, arguments: &[&str], shop: &Shop) -> Output {
        Command::new(Path::new(CHECKOUT).join("deploy/backup").join(name))
            .args(arguments)
            .envs(shop.environment().iter().map(|(name, value)| (name, value)))
            .envs(self.environment())
            .env("SERVER", binaries().join("server"))
            .output()
            .await
            .expect("a script that starts")
    }

    /// What lies in the cluster's folder.
    pub(super) fn folders(&self) -> usize {
        fs::read_dir(self.folder.path()).expect("a folder").count()
    }

    /// Runs one of PostgreSQL's programs as the cluster's owner.
    async fn postgres(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command
            .args(arguments)
            .envs(self.environment())
            .current_dir("/");
        if let Some(User { uid, gid, .. }) = &self.owner {
            command.uid(uid.as_raw()).gid(gid.as_raw());
        }
        succeed(
            program,
            &command.output().await.expect("a program of PostgreSQL's"),
        );
    }

    /// Ends PostgreSQL as `kill -9` does, and deletes its data.
    pub(super) async fn destroy(&self) {
        let data = self.data();
        kill_postmaster(Path::new(&data));
        eventually("a port that is free", async || {
            let connecting = PgConnection::connect(self.database().as_str()).await;
            connecting.is_err().then_some(())
        })
        .await;
        // Processes that outlive their postmaster by a moment may still write.
        eventually("a data folder that is gone", async || {
            let _ = fs::remove_dir_all(&data);
            (!Path::new(&data).exists()).then_some(())
        })
        .await;
    }
}

impl Drop for Cluster {
    /// Ends whatever still runs in the folder, which goes with this value.
    fn drop(&mut self) {
        for entry in fs::read_dir(self.folder.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            kill_postmaster(&entry.path());
        }
    }
}

fn kill_postmaster(data: &Path) {
    let pid = fs::read_to_string(data.join("postmaster.pid")).ok();
    let pid = pid.and_then(|file| file.lines().next()?.trim().parse().ok());
    if let Some(pid) = pid {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// The product's database at a port, the running one or one that was restored, for its superuser.
pub(super) fn database_at(port: u16) -> Url {
    url(port, DATABASE)
}

fn url(port: u16, database: &str) -> Url {
    parse(&format!(
        "postgres://postgres:{PASSWORD}@127.0.0.1:{port}/{database}"
    ))
}

/// Where the server that all tests share has its programs.
#[expect(
    clippy::disallowed_methods,
    reason = "it asks PostgreSQL, and no table"
)]
async fn programs() -> PathBuf {
    let shared = PgConnection::connect(&services().superuser_database_url).await;
    let mut shared = shared.expect("PostgreSQL answers");
    let folder: String = sqlx::query_scalar("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        .fetch_one(&mut shared)
        .await
        .expect("where its programs are");
    folder.into()
}

/// Fails with what a program said unless it succeeded.
pub(super) fn succeed(program: &str, output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
}
