//! The supervisor without a terminal.

use std::{
    env,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::{Pid, setsid},
};

use super::{Claim, Lock, Options, START_LIMIT, State};
use crate::{
    checkout::{self, shown},
    process::{Interrupt, wait_until},
};

/// A worker finishes its running jobs first, for up to 25 s.
const END_LIMIT: Duration = Duration::from_mins(2);

/// Starts a supervisor that outlives this process; returns when the shop is ready.
pub(super) fn start(options: Options, interrupt: &Interrupt) -> anyhow::Result<()> {
    let log = checkout::dev_folder().join("logs/dev.log");
    let output = File::create(&log).with_context(|| format!("create {}", shown(&log)))?;
    let errors = output.try_clone().context("share a log file")?;
    let mut supervisor = Command::new(env::current_exe().context("find this program's file")?);
    supervisor
        .arg("--dev-folder")
        .arg(checkout::dev_folder())
        .args(["dev", "--supervise"])
        .args(flags(options))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
    let mut child = supervisor.spawn().context("start the supervisor")?;
    let ready = wait_until(interrupt, START_LIMIT, || {
        let ended = child.try_wait().context("look after the supervisor")?;
        Ok(ended.is_some() || State::is_written())
    });
    if matches!(ready, Ok(true)) && State::is_written() {
        return Ok(());
    }
    let pid = i32::try_from(child.id()).context("read the supervisor's process id")?;
    if child
        .try_wait()
        .context("look after the supervisor")?
        .is_none()
    {
        terminate(pid)?;
        child.wait().context("wait for the supervisor")?;
    }
    ready?;
    let messages = fs::read_to_string(&log).unwrap_or_default();
    let (before, error) = split_error(&messages);
    eprint!("{before}");
    match error {
        Some(error) => bail!("{error}"),
        None => bail!(
            "the shop's supervisor ended without a word: see {}",
            shown(&log)
        ),
    }
}

/// What the supervisor said, and the error that it ended with, which becomes this process's own.
fn split_error(messages: &str) -> (&str, Option<&str>) {
    match messages.rfind("error: ") {
        Some(at) => (
            &messages[..at],
            Some(messages[at + "error: ".len()..].trim_end()),
        ),
        None => (messages, None),
    }
}

fn flags(options: Options) -> Vec<&'static str> {
    [
        (options.once, "--once"),
        (options.release, "--release"),
        (options.reset, "--reset"),
        (options.docker, "--docker"),
    ]
    .into_iter()
    .filter_map(|(given, flag)| given.then_some(flag))
    .collect()
}

/// Makes this process independent of the terminal it was started from, whose Ctrl-C and closing no longer reach it.
pub(super) fn leave_terminal() -> anyhow::Result<()> {
    match setsid() {
        // The leader of a process group has none to leave: started so by hand.
        Ok(_) | Err(Errno::EPERM) => Ok(()),
        Err(error) => Err(error).context("leave the terminal"),
    }
}

/// Asks a supervisor to end everything; returns when it has.
pub(super) fn end(
    supervisor: Option<i32>,
    home: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let pid = supervisor.context("the shop is just starting: try again in a moment")?;
    terminate(pid)?;
    let ended = wait_until(interrupt, END_LIMIT, || {
        Ok(matches!(Lock::claim(home)?, Claim::Free(_)))
    })?;
    ensure!(ended, "process {pid} does not end: see .dev/logs/dev.log");
    Ok(())
}

fn terminate(pid: i32) -> anyhow::Result<()> {
    match kill(Pid::from_raw(pid), Signal::SIGTERM) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("ask process {pid} to end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supervisors_last_error_is_told_apart_from_what_it_said_before() {
        let messages = "error: the old migration was edited\nerror: run it with --reset\n";
        assert_eq!(
            split_error(messages),
            (
                "error: the old migration was edited\n",
                Some("run it with --reset")
            )
        );
        assert_eq!(split_error("Building\n"), ("Building\n", None));
    }
}
