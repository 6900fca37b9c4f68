//! The README's first command, tried as a newcomer runs it: in the background, and beside that in the foreground, where it
//! restarts on change and ends with Ctrl-C. Each has a folder of its own, so a shop that its developer runs meanwhile is left
//! alone.

mod watching;

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::programs;
use crate::{
    checkout::{self, shown, this_program},
    process::{self, Interrupt},
    shop::page_status,
};

/// Starts the shop in the background, looks at it, starts it again, rehearses the foreground beside it, and ends it.
pub(crate) fn run(interrupt: &Interrupt) -> anyhow::Result<()> {
    let rehearsals = checkout::metadata()?.target_directory.join("rehearsal");
    let home = rehearsals.join("background");
    fs::remove_dir_all(&home).ok();
    let background = Background { home, interrupt };
    background.xtask(&["dev", "--once", "--detach"])?;
    let state = State::read(&background.home)?;
    let answered = page_status(state.port("base_url")?, "/");
    ensure!(answered == Some(200), "the shop answered {answered:?}");
    let accounts = state.json["accounts"].as_array().map_or(0, Vec::len);
    ensure!(accounts >= 5, "{accounts} people can sign in");

    background.xtask(&["dev", "--once", "--detach"])?;
    ensure!(
        State::read(&background.home)? == state,
        "a second start did not find the first"
    );

    // The same programs run twice from here on: what ends the one shop must leave the other.
    let running = recorded_programs(&background.home)?;
    watching::run(&rehearsals.join("checkout"), interrupt)?;
    ensure!(
        recorded_programs(&background.home)? == running && state.listening()? == State::ADDRESSES,
        "Ctrl-C ended what another start had started"
    );

    background.xtask(&["stop"])?;
    state.is_over(&background.home)
}

/// A shop in the background, stopped when this is dropped.
struct Background<'a> {
    home: PathBuf,
    interrupt: &'a Interrupt,
}

impl Background<'_> {
    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = this_program()?;
        command.arg("--dev-folder").arg(&self.home).args(arguments);
        Ok(command)
    }

    fn xtask(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let status = process::run(&mut self.command(arguments)?, self.interrupt)?;
        ensure!(
            status.success(),
            "`cargo xtask {}` failed: see its message above",
            arguments.join(" ")
        );
        Ok(())
    }
}

impl Drop for Background<'_> {
    /// Whatever went wrong, nothing is left running.
    fn drop(&mut self) {
        if State::file(&self.home).exists() {
            self.command(&["stop"])
                .and_then(|mut stop| stop.status().context("run `cargo xtask stop`"))
                .ok();
        }
    }
}

/// `state.json`, read as other programs read it: by the names that are promised.
#[derive(PartialEq)]
struct State {
    json: Value,
}

impl State {
    const ADDRESSES: [&str; 5] = [
        "base_url",
        "sandbox_url",
        "metrics_url",
        "database_url",
        "redis_url",
    ];

    fn file(home: &Path) -> PathBuf {
        home.join("state.json")
    }

    fn read(home: &Path) -> anyhow::Result<Self> {
        let file = Self::file(home);
        let written = fs::read(&file).with_context(|| format!("read {}", shown(&file)))?;
        let json = serde_json::from_slice(&written).context("understand state.json")?;
        Ok(Self { json })
    }

    /// `…//user@127.0.0.1:port/path`.
    fn port(&self, name: &str) -> anyhow::Result<u16> {
        let url = self.json[name].as_str();
        let after_colon = url.and_then(|url| url.rsplit(':').next());
        let port = after_colon.and_then(|rest| rest.split('/').next()?.parse().ok());
        port.with_context(|| format!("state.json has no {name} with a port"))
    }

    /// The addresses at which something listens.
    fn listening(&self) -> anyhow::Result<Vec<&'static str>> {
        let mut listening = Vec::new();
        for name in Self::ADDRESSES {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port(name)?)).is_ok() {
                listening.push(name);
            }
        }
        Ok(listening)
    }

    /// Fails while the shop that was described so has left something behind.
    fn is_over(&self, home: &Path) -> anyhow::Result<()> {
        let left = self.listening()?;
        ensure!(
            left.is_empty(),
            "something still listens at {}",
            left.join(", ")
        );
        ensure!(!Self::file(home).exists(), "state.json is left");
        Ok(())
    }
}

/// What is on record about server, worker and sandbox: which processes they are.
fn recorded_programs(home: &Path) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let folder = programs::records(home);
    let records = fs::read_dir(&folder).with_context(|| format!("list {}", shown(&folder)))?;
    let mut recorded = BTreeMap::new();
    for record in records {
        let file = record.context("list the records")?.path();
        // One that is gone meanwhile is none.
        if let Ok(identity) = fs::read_to_string(&file) {
            recorded.insert(
                file.file_stem().map(PathBuf::from).unwrap_or_default(),
                identity,
            );
        }
    }
    Ok(recorded)
}
