//! `cargo xtask drill`: faults in a running shop, and what came of them. The drills themselves stand in `tests/src/drills`.

pub(crate) mod next_release;

use std::process::{Command, ExitCode};

use clap::Args;

use crate::{
    dev::build::Build,
    gates,
    process::{self, Interrupt},
    services::{
        Borrowed,
        packages::{self, DRILLS},
    },
};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these
    names: Vec<String>,
    /// In the form that takes seconds, as `cargo xtask test` runs them
    #[arg(long)]
    short: bool,
    /// Print the names and do nothing
    #[arg(long)]
    list: bool,
}

/// Runs the chosen drills, or all, and prints one table.
pub(crate) fn run(options: &Options, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    if !options.list {
        packages::ensure(DRILLS)?;
    }
    let mut command = command();
    if options.short {
        command.arg("--short");
    }
    command.args(&options.names);
    let services = if options.list {
        command.arg("--list");
        None
    } else {
        // Drills harm the real programs, which `cargo run` alone would not build.
        Build::new(false)?.run_or_fail(interrupt)?;
        if options.names.is_empty() || options.names.iter().any(|name| releases(name)) {
            next_release::build(interrupt)?.tell(&mut command);
        }
        Some(Borrowed::new(interrupt)?)
    };
    if let Some(services) = &services {
        services.tell(&mut command);
    }
    let passed = process::run(&mut command, interrupt)?.success();
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether a drill puts another release in the place of this one.
fn releases(drill: &str) -> bool {
    ["deploy", "release-broken", "proxy"].contains(&drill)
}

/// Runs drills, once it is told which.
pub(crate) fn command() -> Command {
    let mut command = gates::of_the_suites("drill");
    if let Some(chromium) = packages::chromium() {
        command.env("CHROMIUM", chromium);
    }
    command
}
