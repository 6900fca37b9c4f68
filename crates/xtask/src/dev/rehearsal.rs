//! The README's first command, tried as a newcomer runs it, in a folder of its own: a shop that its developer runs meanwhile
//! is left alone.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{
    checkout::{self, shown},
    process::{self, Interrupt},
    shop::page_status,
};

/// Starts the shop in the background, looks at it, starts it again, and ends it.
pub(crate) fn run(interrupt: &Interrupt) -> anyhow::Result<()> {
    let home = checkout::metadata()?.target_directory.join("rehearsal");
    fs::remove_dir_all(&home).ok();
    let rehearsal = Rehearsal { home, interrupt };
    rehearsal.xtask(&["dev", "--once", "--detach"])?;
    let written = rehearsal.state()?;
    // Read as other programs read it: by the names that are promised.
    let state: Value = serde_json::from_slice(&written).context("read state.json")?;
    let web = port(&state, "base_url")?;
    let answered = page_status(web, "/");
    ensure!(answered == Some(200), "the shop answered {answered:?}");
    let accounts = state["accounts"].as_array().map_or(0, Vec::len);
    ensure!(accounts >= 5, "{accounts} people can sign in");

    rehearsal.xtask(&["dev", "--once", "--detach"])?;
    ensure!(
        rehearsal.state()? == written,
        "a second start did not find the first"
    );

    rehearsal.xtask(&["stop"])?;
    for name in [
        "base_url",
        "sandbox_url",
        "metrics_url",
        "database_url",
        "redis_url",
    ] {
        let left = TcpStream::connect((Ipv4Addr::LOCALHOST, port(&state, name)?));
        ensure!(left.is_err(), "something still listens at {name}");
    }
    ensure!(!rehearsal.state_file().exists(), "state.json is left");
    Ok(())
}

struct Rehearsal<'a> {
    home: PathBuf,
    interrupt: &'a Interrupt,
}

impl Rehearsal<'_> {
    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(env::current_exe().context("find this program's file")?);
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

    fn state_file(&self) -> PathBuf {
        self.home.join("state.json")
    }

    fn state(&self) -> anyhow::Result<Vec<u8>> {
        let file = self.state_file();
        fs::read(&file).with_context(|| format!("read {}", shown(&file)))
    }
}

impl Drop for Rehearsal<'_> {
    /// Whatever went wrong, nothing is left running.
    fn drop(&mut self) {
        if self.state_file().exists() {
            self.command(&["stop"])
                .and_then(|mut stop| stop.status().context("run `cargo xtask stop`"))
                .ok();
        }
    }
}

/// `…//user@127.0.0.1:port/path`.
fn port(state: &Value, name: &str) -> anyhow::Result<u16> {
    let url = state[name].as_str();
    let after_colon = url.and_then(|url| url.rsplit(':').next());
    let port = after_colon.and_then(|rest| rest.split('/').next()?.parse().ok());
    port.with_context(|| format!("state.json has no {name} with a port"))
}
