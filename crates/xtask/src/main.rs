//! The developer's commands, `cargo xtask …`.
//!
//! Everything that a developer or the build server types stands here, so that both run the same thing and nobody
//! needs a tool that this workspace does not bring: no make, no shell scripts, no sqlx-cli, no container.
//!
//! # Invariants
//!
//! - Whatever a command started, it ends: on success, on an error, on Ctrl-C. It ends nothing else.
//! - PostgreSQL and Redis are private instances under `.dev/`, bound to loopback, on ports of their own. The system's
//!   clusters are never touched.
//! - A wait is a wait for a condition and has a limit.
//! - An error is a sentence that says what to do.
//!
//! # What this crate must not know
//!
//! The crates that it builds: it runs them as programs. So it compiles in seconds on a fresh machine, and works while
//! the rest of the workspace does not compile.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to a person through its output"
)]

mod bench;
mod checkout;
mod compat;
mod copy;
mod dev;
mod drill;
mod fuzz;
mod gates;
mod linters;
mod measure;
mod ports;
mod prepare;
mod process;
mod sbom;
mod services;
mod shop;
mod supply;
mod test;
mod tools;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use process::{Interrupt, Interrupted};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The developer's commands")]
struct Arguments {
    /// Where to leave data, logs and addresses, if not in `.dev`
    #[arg(long, global = true, hide = true)]
    dev_folder: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole shop with demo data and restart it on change
    Dev(dev::Options),
    /// End a shop that runs in the background
    Stop,
    /// PostgreSQL and Redis for plain `cargo test`
    Services {
        #[command(subcommand)]
        action: services::Action,
    },
    /// Check every query against a live database and write the `.sqlx` folders
    Prepare {
        /// Write nothing: fail when the committed folders are not up to date
        #[arg(long)]
        check: bool,
    },
    /// Run everything that the build server runs
    Test {
        /// Only these steps
        #[arg(value_enum)]
        steps: Vec<test::Step>,
    },
    /// Check what must hold for every query, table and crate, and print one table
    Gates {
        /// Only these
        names: Vec<String>,
    },
    /// Check whether the release that still runs can live with this checkout's schema
    Compat(compat::Options),
    /// Print the plans of queries, as the gate `plans` sees them
    Explain {
        /// A part of the query's text, or of its file's name
        part: String,
    },
    /// Let libFuzzer look for inputs that break a parser
    Fuzz(fuzz::Options),
    /// Write what the server is made of to target/sbom.json
    Sbom,
    /// Bring about faults in a running shop, and say what came of them
    Drill(drill::Options),
    /// Measure what a part of the house costs, optimised, as Markdown tables
    Bench {
        /// Which part
        #[arg(value_enum)]
        name: bench::Name,
    },
    /// Measure build times, memory, start time and size, as a Markdown table
    Measure,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(folder) = arguments.dev_folder {
        checkout::use_dev_folder(folder);
    }
    match Interrupt::listen().and_then(|interrupt| run(arguments.command, &interrupt)) {
        Ok(code) => code,
        // 128 + SIGINT, the shells' convention.
        Err(error) if error.is::<Interrupted>() => ExitCode::from(130),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    match command {
        Command::Dev(options) => dev::run(options, interrupt)?,
        Command::Stop => dev::stop(interrupt)?,
        Command::Services { action } => services::run(&action, interrupt)?,
        Command::Prepare { check } => prepare::run(check, interrupt)?,
        Command::Gates { names } => return gates::run(&names, interrupt),
        Command::Compat(options) => {
            let get_on = compat::run(&options, interrupt)?;
            return Ok(if get_on {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Explain { part } => return gates::explain(&part, interrupt),
        Command::Fuzz(options) => return fuzz::run(&options, interrupt),
        Command::Sbom => sbom::write()?,
        Command::Drill(options) => return drill::run(&options, interrupt),
        Command::Bench { name } => return bench::run(name, interrupt),
        Command::Test { steps } => return test::run(&steps, interrupt),
        Command::Measure => measure::run(interrupt)?,
    }
    Ok(ExitCode::SUCCESS)
}
