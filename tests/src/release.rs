//! The server's binary of one release or another.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use platform::testing::TestDatabase;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::process::{Child, Command};

use crate::binaries;

/// A release of the shop.
#[derive(Clone, Debug)]
pub struct Release {
    /// What its logs are called besides the shop's name.
    pub name: &'static str,
    /// The server's binary.
    pub server: PathBuf,
    /// Settings that differ from the shop's.
    pub environment: Vec<(&'static str, String)>,
}

impl Release {
    /// The one that was built together with the tests.
    #[must_use]
    pub fn this() -> Self {
        Self {
            name: "",
            server: binaries().join("server"),
            environment: Vec::new(),
        }
    }

    /// A command of its binary, with all settings in `environment`.
    pub(crate) fn command(
        &self,
        arguments: &[&str],
        environment: &[(&'static str, String)],
    ) -> Command {
        let mut command = Command::new(&self.server);
        let environment = environment.iter().chain(&self.environment);
        command
            .args(arguments)
            .envs(environment.map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// As [`migrate`], by this release.
    pub(crate) async fn migrate(
        &self,
        database: &TestDatabase,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Output {
        let arguments: Vec<_> = ["migrate"].iter().chain(arguments).copied().collect();
        let migrator = database.url_of("migrator").to_string();
        self.command(&arguments, &[("MIGRATION_DATABASE_URL", migrator)])
            .envs(environment.iter().copied())
            .output()
            .await
            .expect("the server's binary: run `cargo build -p server` first")
    }

    /// A database with the schemas of this release.
    pub(crate) async fn make_database(&self) -> TestDatabase {
        let database = TestDatabase::create(&[]).await;
        let migrator = database.url_of("migrator");
        let mut migrator = PgConnection::connect(migrator.as_str())
            .await
            .expect("PostgreSQL answers");
        let emptied = migrator.execute("DROP SCHEMA platform CASCADE").await;
        emptied.expect("a schema of the migrator's own");
        let migrated = self.migrate(&database, &[], &[]).await;
        let complaint = String::from_utf8_lossy(&migrated.stderr);
        assert!(migrated.status.success(), "{complaint}");
        database
    }

    /// Starts it, which ends with the returned value, and keeps what it says.
    pub(crate) fn start(
        &self,
        arguments: &[&str],
        environment: &[(&'static str, String)],
        logs: &Path,
    ) -> Child {
        let log = self.log(logs, arguments[0]);
        // Appended to: a server that is started again goes on with its log.
        let log = File::options().create(true).append(true).open(log);
        let log = log.expect("a log that can be written");
        let mut command = self.command(arguments, environment);
        let command = command.stdout(log.try_clone().expect("a second handle"));
        let started = command.stderr(log).spawn();
        started.expect("the server's binary: run `cargo build -p server` first")
    }

    /// Where it keeps what processes say that are started with `command`.
    pub(crate) fn log(&self, logs: &Path, command: &str) -> PathBuf {
        format!("{}{}-{command}.log", logs.display(), self.name).into()
    }

    /// Removes the logs of an earlier run, if there was one.
    pub(crate) fn forget_logs(&self, logs: &Path) {
        for command in ["seed", "serve", "worker", "jobs", "backfill"] {
            let _ = fs::remove_file(self.log(logs, command));
        }
    }
}

/// Runs `server migrate` on a database, in production unless `environment` says otherwise, and gives what it said.
pub async fn migrate(
    database: &TestDatabase,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    Release::this()
        .migrate(database, arguments, environment)
        .await
}
