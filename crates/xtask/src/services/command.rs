//! `cargo xtask services …`, and services for the length of one command.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;

use super::{Addresses, DATABASE, Purpose, Services};
use crate::{
    checkout::{self, shown},
    process::Interrupt,
};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Start them; they go on running until `down`
    Up {
        /// Run them in containers instead of installing packages; remembered in `.dev`
        #[arg(long)]
        docker: bool,
    },
    /// End them and throw their data away
    Down,
    /// Say whether and where they run
    Status,
}

pub(crate) fn run(action: &Action, interrupt: &Interrupt) -> anyhow::Result<()> {
    match action {
        Action::Up { docker } => {
            let services = Services::new(Purpose::Test, *docker);
            let addresses = up(&services, interrupt)?;
            print(addresses);
            println!("`cargo test` finds them. `cargo xtask services down` ends them.");
        }
        Action::Down => {
            let ran = down(&Services::new(Purpose::Test, false))?;
            println!(
                "{}",
                if ran {
                    "Ended."
                } else {
                    "Nothing was running."
                }
            );
        }
        Action::Status => match Services::new(Purpose::Test, false).running()? {
            Some(addresses) => print(addresses),
            None => println!("Not running: `cargo xtask services up` starts them."),
        },
    }
    Ok(())
}

fn print(addresses: Addresses) {
    println!(
        "PostgreSQL  {}",
        addresses.database_url("postgres", "postgres")
    );
    println!("Redis       {}", addresses.redis_url());
}

/// What the test harness reads when the environment says nothing else.
#[derive(Serialize)]
struct Written {
    superuser_database_url: String,
    redis_url: String,
}

fn written_to() -> PathBuf {
    checkout::dev_folder().join("services.json")
}

fn up(services: &Services, interrupt: &Interrupt) -> anyhow::Result<Addresses> {
    let _lock = lock(services.home())?;
    services.prepare_machine()?;
    let addresses = services.up(interrupt).inspect_err(|_| {
        // Half of them may run, and nobody would know to end it.
        services.down().ok();
    })?;
    let written = Written {
        superuser_database_url: addresses.database_url("postgres", "postgres"),
        redis_url: addresses.redis_url(),
    };
    let json = serde_json::to_vec_pretty(&written).context("encode the addresses")?;
    fs::write(written_to(), json).with_context(|| format!("write {}", shown(&written_to())))?;
    Ok(addresses)
}

fn down(services: &Services) -> anyhow::Result<bool> {
    let _lock = lock(services.home())?;
    let ran = services.down()?;
    services.erase()?;
    fs::remove_file(written_to()).ok();
    Ok(ran)
}

/// Two commands that start or end the same services take turns.
fn lock(home: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(home).with_context(|| format!("create {}", shown(home)))?;
    let lock = File::create(home.join("lock")).context("open the lock of the services")?;
    lock.lock()
        .context("wait for another command that starts or ends the services")?;
    Ok(lock)
}

/// The services of tests for the length of a command: found running, or started and ended again.
pub(crate) struct Borrowed {
    services: Services,
    addresses: Addresses,
    own: bool,
}

impl Borrowed {
    pub(crate) fn new(interrupt: &Interrupt) -> anyhow::Result<Self> {
        let services = Services::new(Purpose::Test, false);
        let running = services.running()?;
        Ok(Self {
            own: running.is_none(),
            addresses: match running {
                Some(addresses) => addresses,
                None => up(&services, interrupt)?,
            },
            services,
        })
    }

    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Tells a test program where they are. Nobody's own settings: a run here and one on the build server mean the same.
    pub(crate) fn tell(&self, command: &mut Command) {
        let database = self.addresses.database_url("postgres", "postgres");
        command
            .env("TEST_SUPERUSER_DATABASE_URL", database)
            .env("TEST_REDIS_URL", self.addresses.redis_url());
    }

    /// The folder for what is thrown away with the services.
    pub(crate) fn home(&self) -> &Path {
        self.services.home()
    }

    /// The roles, and a database that an application can migrate and use.
    pub(crate) fn create_database(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        self.services
            .apply_roles(self.addresses, Some(DATABASE), interrupt)
    }

    /// A client of the cluster, as its superuser.
    pub(crate) fn psql(&self, database: &str) -> anyhow::Result<Command> {
        self.services.psql(self.addresses, database)
    }

    /// Runs a file of SQL in a database.
    pub(crate) fn run_sql_file(
        &self,
        database: &str,
        file: &Path,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        Services::run_sql_file(self.psql(database)?, file, interrupt)
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.own
            && let Err(error) = down(&self.services)
        {
            eprintln!("error: {error:#}");
        }
    }
}
