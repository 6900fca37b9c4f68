//! `cargo xtask bench`: figures of an optimised build, beside what the same machine does without us.

use std::process::ExitCode;

use clap::ValueEnum;

use crate::{
    checkout,
    process::{self, Interrupt},
    services::Borrowed,
};

/// What can be measured.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Name {
    /// Background jobs: how many a second, and how soon one starts
    Jobs,
}

/// Measures and prints.
pub(crate) fn run(name: Name, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let (package, bench) = match name {
        Name::Jobs => ("platform", "jobs"),
    };
    let services = Borrowed::new(interrupt)?;
    let mut command = checkout::cargo(["bench", "--quiet", "-p", package, "--all-features"]);
    command.args(["--bench", bench]);
    services.tell(&mut command);
    let measured = process::run(&mut command, interrupt)?.success();
    Ok(if measured {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
