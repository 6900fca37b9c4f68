//! What is asked about the dependencies beyond what the suite's gate `supply` holds against `.deny.toml`: whether
//! weaknesses of theirs are known, and what the server is made of.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    process::{self, Interrupt},
    sbom,
    tools::{self, Tool},
};

/// How long the database of weaknesses may take to come. It is a repository of a few megabytes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Looks for known weaknesses and writes the bill of materials. `false` if a weakness is known.
pub(crate) fn run(interrupt: &Interrupt) -> anyhow::Result<bool> {
    tools::ensure(tools::SUPPLY, interrupt)?;
    let sound = advisories(interrupt)?;
    sbom::write()?;
    Ok(sound)
}

/// Where the database cannot be had, that is said and nothing fails: a plane or a closed network is no weakness. The
/// hosted workflow runs where it can.
fn advisories(interrupt: &Interrupt) -> anyhow::Result<bool> {
    let mut fetch = deny()?;
    fetch.args(["fetch", "db"]).stderr(Stdio::null());
    // Nobody is there to be asked for a password.
    fetch.env("GIT_TERMINAL_PROMPT", "0");
    let fetched = process::run_within(PATIENCE, &mut fetch, interrupt)?;
    if !fetched.is_some_and(|status| status.success()) {
        println!(
            "Known weaknesses were NOT looked for: github.com/RustSec/advisory-db could not be had from here within {} s.",
            PATIENCE.as_secs()
        );
        return Ok(true);
    }
    let mut check = deny()?;
    check.args(["check", "advisories"]);
    Ok(process::run(&mut check, interrupt)?.success())
}

fn deny() -> anyhow::Result<Command> {
    let mut command = Tool::Deny.command()?;
    command.args(["--config", ".deny.toml"]);
    Ok(command)
}
