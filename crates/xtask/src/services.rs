//! PostgreSQL and Redis, private to this checkout: one set with the demo data of `dev`, one that tests throw away.

mod command;
mod docker;
pub(crate) mod packages;
mod postgres;
mod redis;

use std::{
    fmt,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::{
    checkout::{self, shown},
    ports::Ports,
    process::{self, Interrupt},
};
pub(crate) use command::{Action, Borrowed, run};
use docker::Containers;
use postgres::Cluster;

/// The database of `dev`.
pub(crate) const DATABASE: &str = "shop";

/// What a set of services is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Dev,
    Test,
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dev => "dev",
            Self::Test => "test",
        })
    }
}

/// What the services are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The machine's own packages.
    Packages,
    /// Docker images.
    Docker,
}

/// The ports on 127.0.0.1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    postgres: u16,
    redis: u16,
}

impl Addresses {
    /// The URL of a database for a role, neither of which needs escaping.
    pub(crate) fn database_url(self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.postgres)
    }

    pub(crate) fn redis_url(self) -> String {
        format!("redis://127.0.0.1:{}", self.redis)
    }
}

/// One set of services.
pub(crate) struct Services {
    home: PathBuf,
    purpose: Purpose,
    source: Source,
}

impl Services {
    /// The set for a purpose. It is made from what a running or earlier set was made from, or from what is asked for.
    pub(crate) fn new(purpose: Purpose, docker: bool) -> Self {
        let home = match purpose {
            Purpose::Dev => checkout::dev_folder(),
            Purpose::Test => checkout::dev_folder().join("test"),
        };
        Self::at(home, purpose, docker)
    }

    /// The set in another folder than this command's own.
    pub(crate) fn at(home: PathBuf, purpose: Purpose, docker: bool) -> Self {
        let source = if docker || home.join("docker").exists() {
            Source::Docker
        } else {
            Source::Packages
        };
        Self {
            home,
            purpose,
            source,
        }
    }

    /// The folder that holds data, logs and the list of ports.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// The folder in which PostgreSQL's own files lie.
    pub(crate) fn cluster_folder(&self) -> PathBuf {
        postgres::folder(&self.home)
    }

    /// What must be installed for this set.
    pub(crate) fn tools(&self) -> &'static [packages::Tool] {
        match self.source {
            Source::Packages => packages::SERVICES,
            Source::Docker => &[],
        }
    }

    /// Installs what this set is made from.
    pub(crate) fn prepare_machine(&self) -> anyhow::Result<()> {
        if self.source == Source::Docker {
            Containers::require()?;
        }
        packages::ensure(self.tools())
    }

    /// The ports, if both services run.
    pub(crate) fn running(&self) -> anyhow::Result<Option<Addresses>> {
        match self.source {
            Source::Docker => Ok(self.containers().running()),
            Source::Packages => {
                let Some(postgres) = self.running_cluster()?.map(|(_, port)| port) else {
                    return Ok(None);
                };
                let redis = self.running_redis();
                Ok(redis.map(|redis| Addresses { postgres, redis }))
            }
        }
    }

    /// Starts what does not run, with the roles of every installation.
    pub(crate) fn up(&self, interrupt: &Interrupt) -> anyhow::Result<Addresses> {
        fs::create_dir_all(self.home.join("logs")).context("create the folder of logs")?;
        let mut ports = Ports::load(self.home.join("ports.json"));
        let addresses = match self.source {
            Source::Packages => self.packages_up(&mut ports, interrupt)?,
            Source::Docker => self.containers_up(&mut ports, interrupt)?,
        };
        let database = (self.purpose == Purpose::Dev).then_some(DATABASE);
        self.apply_roles(addresses, database, interrupt)?;
        Ok(addresses)
    }

    fn packages_up(&self, ports: &mut Ports, interrupt: &Interrupt) -> anyhow::Result<Addresses> {
        let postgres = if let Some((_, port)) = self.running_cluster()? {
            port
        } else {
            if self.purpose == Purpose::Test {
                // Written without fsync: after a crash nobody could tell whether it is whole.
                postgres::erase(&self.home)?;
            }
            let port = ports.choose("postgres")?;
            Cluster::find(&self.home, self.purpose)?.start(port, interrupt)?;
            port
        };
        let redis = if let Some(port) = self.running_redis() {
            port
        } else {
            let port = ports.choose("redis")?;
            self.redis().start(port, interrupt)?;
            port
        };
        Ok(Addresses { postgres, redis })
    }

    fn containers_up(&self, ports: &mut Ports, interrupt: &Interrupt) -> anyhow::Result<Addresses> {
        if let Some(addresses) = self.containers().running() {
            return Ok(addresses);
        }
        ensure!(
            !postgres::may_run(&self.home),
            "PostgreSQL from this machine's packages runs here: end it before containers take its place"
        );
        let addresses = Addresses {
            postgres: ports.choose("postgres")?,
            redis: ports.choose("redis")?,
        };
        self.containers().start(addresses, interrupt)?;
        File::create(self.home.join("docker")).context("note that containers are in use")?;
        Ok(addresses)
    }

    /// Ends what runs, Redis first: PostgreSQL is what everything else stands on. Returns whether anything ran.
    pub(crate) fn down(&self) -> anyhow::Result<bool> {
        match self.source {
            Source::Docker => {
                let ran = self.containers().running().is_some();
                self.containers().stop()?;
                Ok(ran)
            }
            Source::Packages => {
                let redis = self.running_redis();
                if let Some(port) = redis {
                    self.redis().stop(port)?;
                }
                let cluster = self.running_cluster()?;
                if let Some((cluster, _)) = &cluster {
                    cluster.stop()?;
                }
                Ok(redis.is_some() || cluster.is_some())
            }
        }
    }

    /// Deletes the data of a set that does not run.
    pub(crate) fn erase(&self) -> anyhow::Result<()> {
        match self.source {
            Source::Docker => self.containers().erase(),
            Source::Packages => postgres::erase(&self.home),
        }
    }

    /// A client of the cluster, as its superuser.
    pub(crate) fn psql(&self, addresses: Addresses, database: &str) -> anyhow::Result<Command> {
        Ok(match self.source {
            Source::Docker => self.containers().psql(database),
            Source::Packages => {
                Cluster::find(&self.home, self.purpose)?.psql(addresses.postgres, database)
            }
        })
    }

    /// Runs a file of SQL and `psql` commands.
    pub(crate) fn run_sql_file(
        mut psql: Command,
        file: &Path,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let script = File::open(file).with_context(|| format!("open {}", shown(file)))?;
        psql.args(["-f", "-"]).stdin(script).stdout(Stdio::null());
        let status = process::run(&mut psql, interrupt)?;
        ensure!(
            status.success(),
            "{} failed: see PostgreSQL's message above",
            shown(file)
        );
        Ok(())
    }

    /// The same file that prepares a production cluster.
    fn apply_roles(
        &self,
        addresses: Addresses,
        database: Option<&str>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let mut psql = self.psql(addresses, "postgres")?;
        if let Some(database) = database {
            psql.args(["-v", &format!("database={database}")]);
        }
        let roles = checkout::root().join("deploy/postgres/roles.sql");
        Self::run_sql_file(psql, &roles, interrupt)
    }

    fn running_cluster(&self) -> anyhow::Result<Option<(Cluster, u16)>> {
        if !postgres::may_run(&self.home) {
            return Ok(None);
        }
        let cluster = Cluster::find(&self.home, self.purpose)?;
        Ok(cluster.running()?.map(|port| (cluster, port)))
    }

    fn running_redis(&self) -> Option<u16> {
        let port = Ports::load(self.home.join("ports.json")).kept("redis")?;
        self.redis().answers(port).then_some(port)
    }

    fn redis(&self) -> redis::Instance {
        redis::Instance::new(&self.home)
    }

    fn containers(&self) -> Containers {
        Containers::new(&self.home, self.purpose)
    }
}

/// The last line of a log that holds a text: servers say there why they did not start.
pub(crate) fn last_line(log: &Path, text: &str) -> Option<String> {
    let lines = fs::read_to_string(log).ok()?;
    let line = lines
        .lines()
        .rev()
        .find(|line| line.contains(text) && !line.trim().is_empty())?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(home: &Path) -> Services {
        Services {
            home: home.to_owned(),
            purpose: Purpose::Test,
            source: Source::Packages,
        }
    }

    fn ask(services: &Services, addresses: Addresses, query: &str) -> String {
        let mut psql = services.psql(addresses, "postgres").unwrap();
        let output = psql.args(["-Atc", query]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn services_come_up_once_with_their_roles_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let services = in_folder(folder.path());
        let interrupt = Interrupt::listen().unwrap();
        assert!(services.running().unwrap().is_none());

        let addresses = services.up(&interrupt).unwrap();
        let roles = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'";
        assert_eq!(ask(&services, addresses, roles), "app migrator postgres");

        let again = services.up(&interrupt).unwrap();
        assert_eq!(again.postgres, addresses.postgres);
        assert_eq!(again.redis, addresses.redis);

        assert!(services.down().unwrap());
        assert!(services.running().unwrap().is_none());
        assert!(!services.down().unwrap());
        services.erase().unwrap();
        assert!(!services.home().join("postgres").exists());
    }

    #[test]
    fn a_log_gives_its_last_line_that_holds_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, "a\nFATAL: first\nFATAL: last \nhint\n\n").unwrap();
        assert_eq!(last_line(&log, "FATAL").as_deref(), Some("FATAL: last"));
        assert_eq!(last_line(&log, "").as_deref(), Some("hint"));
        assert_eq!(last_line(&log, "PANIC"), None);
    }
}
