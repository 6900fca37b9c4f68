//! `cargo xtask dev` and `cargo xtask stop`: the whole shop on this machine.

mod background;
pub(crate) mod build;
mod follow;
mod lock;
mod programs;
pub(crate) mod rehearsal;
mod state;
mod watch;

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, bail};

use crate::{
    checkout::{self, shown},
    process::{self, Interrupt, end_leftovers},
    services::{Purpose, Services},
    shop::Shop,
};
use build::Build;
use follow::Follower;
use lock::{Claim, Lock};
use programs::Programs;
use state::{Account, State};
use watch::Watch;

/// How often files and programs are looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// How long another start may take until its addresses are known.
const START_LIMIT: Duration = Duration::from_mins(15);

#[derive(Clone, Copy, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line, and any of them goes with any other"
)]
pub(crate) struct Options {
    /// Do not restart when a file changes
    #[arg(long)]
    once: bool,
    /// Build with optimisations
    #[arg(long)]
    release: bool,
    /// Throw the demo data away first
    #[arg(long)]
    reset: bool,
    /// Return when everything runs; `cargo xtask stop` ends it
    #[arg(long)]
    detach: bool,
    /// Run PostgreSQL and Redis in containers instead of installing packages; remembered in `.dev`
    #[arg(long)]
    docker: bool,
    /// What `--detach` starts in the background
    #[arg(long, hide = true)]
    supervise: bool,
}

/// Starts the shop, or finds the one that runs.
pub(crate) fn run(options: Options, interrupt: &Interrupt) -> anyhow::Result<()> {
    let home = checkout::dev_folder();
    fs::create_dir_all(home.join("logs")).context("create the folder .dev")?;
    let lock = match Lock::claim(&home)? {
        Claim::Free(lock) => lock,
        Claim::Taken(_) => return show_running(options, interrupt),
    };
    if options.supervise {
        background::leave_terminal()?;
        return supervise(options, lock, interrupt);
    }
    if !options.detach {
        return supervise(options, lock, interrupt);
    }
    // What asks questions or takes long happens here, before the terminal is left.
    Services::new(Purpose::Dev, options.docker).prepare_machine()?;
    Build::new(options.release)?.run_or_fail(interrupt)?;
    State::forget()?;
    drop(lock);
    background::start(options, interrupt)?;
    State::read()?.print(options.once, true);
    Ok(())
}

fn show_running(options: Options, interrupt: &Interrupt) -> anyhow::Result<()> {
    if options.reset {
        bail!("the shop is running: end it with `cargo xtask stop`, then use `--reset`");
    }
    if !State::is_written() {
        println!("Another `cargo xtask dev` of this checkout is starting: waiting for it …");
        let home = checkout::dev_folder();
        process::wait_until(interrupt, START_LIMIT, || {
            Ok(State::is_written() || matches!(Lock::claim(&home)?, Claim::Free(_)))
        })?;
    }
    if !State::is_written() {
        bail!("the other `cargo xtask dev` ended before it was ready: run the command again");
    }
    println!("The shop runs already.");
    State::read()?.print(true, true);
    Ok(())
}

/// Runs everything until Ctrl-C, SIGTERM or an error, then ends it in order.
fn supervise(options: Options, _lock: Lock, interrupt: &Interrupt) -> anyhow::Result<()> {
    let services = Services::new(Purpose::Dev, options.docker);
    State::forget()?;
    clear_leftovers(&services)?;
    if options.reset {
        services.down()?;
        services.erase()?;
        remove_uploads(services.home())?;
    }
    services.prepare_machine()?;
    // Before the build, so that a change during it is seen.
    let mut watch = (!options.once).then(Watch::new);
    let build = Build::new(options.release)?;
    build.run_or_fail(interrupt)?;

    let up = Up::start(&services, interrupt)?;
    let shop = Shop::new(build.binaries(), services.home().to_owned(), up.addresses)?;
    migrate(&shop, interrupt)?;
    let accounts = seed(&shop, interrupt)?;
    let mut programs = Programs::new(&shop, services.home());
    let _follower = (!options.supervise).then(|| Follower::start(&programs.logs()));
    programs.start_all(interrupt)?;
    let state = State::new(&shop, accounts);
    state.print(options.once, options.supervise);
    state.write()?;

    while !interrupt.came() {
        programs.look_after()?;
        if watch.as_mut().is_some_and(Watch::has_settled_change) {
            rebuild(&build, &shop, &mut programs, interrupt)?;
        }
        thread::sleep(GLANCE);
    }
    println!("Ending the shop …");
    // A second Ctrl-C from here on means: at once.
    interrupt.forget();
    State::forget()?;
    programs.end_all(interrupt)?;
    up.end()
}

/// PostgreSQL and Redis for as long as this value lives.
struct Up<'a> {
    services: &'a Services,
    addresses: crate::services::Addresses,
    ended: bool,
}

impl<'a> Up<'a> {
    fn start(services: &'a Services, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let addresses = services.up(interrupt).inspect_err(|_| {
            services.down().ok();
        })?;
        Ok(Self {
            services,
            addresses,
            ended: false,
        })
    }

    fn end(mut self) -> anyhow::Result<()> {
        self.ended = true;
        self.services.down().map(drop)
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        State::forget().ok();
        if !self.ended {
            self.services.down().ok();
        }
    }
}

fn migrate(shop: &Shop, interrupt: &Interrupt) -> anyhow::Result<()> {
    let log = checkout::dev_folder().join("logs/migrate.log");
    let succeeded = run_logged(&mut shop.server("migrate"), None, &log, interrupt)?;
    if !succeeded {
        bail!(
            "the database could not be migrated, see above: if a migration was edited that had run here, \
             `cargo xtask dev --reset` makes the demo data anew"
        );
    }
    Ok(())
}

fn seed(shop: &Shop, interrupt: &Interrupt) -> anyhow::Result<Vec<Account>> {
    let log = checkout::dev_folder().join("logs/seed.log");
    let printed = checkout::dev_folder().join("accounts.json");
    let succeeded = run_logged(&mut shop.server("seed"), Some(&printed), &log, interrupt)?;
    if !succeeded {
        bail!(
            "the demo data could not be made, see above: `cargo xtask dev --reset` starts from nothing"
        );
    }
    Account::read_all(&printed)
}

/// Runs a command of the server with its messages in a log, which is shown when it fails.
fn run_logged(
    command: &mut Command,
    output: Option<&Path>,
    log: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<bool> {
    let create =
        |file: &Path| File::create(file).with_context(|| format!("create {}", shown(file)));
    let messages = create(log)?;
    let output = match output {
        Some(file) => create(file)?,
        None => messages.try_clone().context("share a log file")?,
    };
    let succeeded = process::run(command.stdout(output).stderr(messages), interrupt)?.success();
    if !succeeded {
        eprint!("{}", fs::read_to_string(log).unwrap_or_default());
    }
    Ok(succeeded)
}

/// Builds after a change and replaces the programs that came out different. Whatever fails, the old ones go on.
fn rebuild(
    build: &Build,
    shop: &Shop,
    programs: &mut Programs,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    println!("A file changed: building …");
    if !build.run(interrupt)? {
        println!("The build failed: the shop goes on as it was built before.");
        return Ok(());
    }
    let replaced = programs.outdated();
    if replaced.is_empty() {
        println!("No program changed.");
        return Ok(());
    }
    // The old server keeps running on the new schema for a moment, as in production.
    if replaced.contains(&"server")
        && let Err(error) = migrate(shop, interrupt)
    {
        interrupt.check()?;
        println!("error: {error:#}");
        return Ok(());
    }
    match programs.replace(&replaced, interrupt) {
        Ok(()) => println!("Restarted {}.", replaced.join(" and ")),
        Err(error) => {
            interrupt.check()?;
            println!("error: {error:#}");
        }
    }
    Ok(())
}

/// Ends a running shop of this checkout, also one whose supervisor was killed.
pub(crate) fn stop(interrupt: &Interrupt) -> anyhow::Result<()> {
    let home = checkout::dev_folder();
    if !home.exists() {
        println!("Nothing was running.");
        return Ok(());
    }
    match Lock::claim(&home)? {
        Claim::Taken(supervisor) => {
            background::end(supervisor, &home, interrupt)?;
            println!("Ended.");
        }
        Claim::Free(_lock) => {
            let services = Services::new(Purpose::Dev, false);
            let programs = clear_leftovers(&services)?;
            let ran = services.down()?;
            State::forget()?;
            println!(
                "{}",
                if programs || ran {
                    "Ended."
                } else {
                    "Nothing was running."
                }
            );
        }
    }
    Ok(())
}

/// Returns whether there were any.
fn clear_leftovers(services: &Services) -> anyhow::Result<bool> {
    let ended = end_leftovers(&programs::records(services.home()))?;
    if !ended.is_empty() {
        println!(
            "Ended what an earlier start had left running: {}.",
            ended.join(", ")
        );
    }
    Ok(!ended.is_empty())
}

fn remove_uploads(home: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(home.join("storage")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("delete the uploads")
        }
        _ => Ok(()),
    }
}
