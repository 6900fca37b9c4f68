//! Running other programs so that Ctrl-C always leaves order behind.

mod identity;
mod managed;

use std::{
    fmt,
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use nix::{
    errno::Errno,
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub(crate) use managed::{Managed, end_leftovers};

/// How often a condition is looked at while waiting for it.
const GLANCE: Duration = Duration::from_millis(20);

/// How long a program that was asked to end may take, unless it says otherwise.
const GRACE: Duration = Duration::from_secs(10);

/// Whether this process was asked to end. It then does so by itself, after it has ended what it started.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on Ctrl-C, SIGTERM and a closed terminal only leave a note.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let came = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&came)).context("listen for Ctrl-C")?;
        }
        Ok(Self(came))
    }

    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.came() {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }

    /// Forgets the first request, so that a second one can be told from it and cut the cleaning short.
    pub(crate) fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The person pressed Ctrl-C; not a fault, so nothing is printed.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Runs a program to its end. On Ctrl-C the program and all its children are asked to end first.
///
/// It gets a process group of its own: the terminal would otherwise signal it directly, and cargo, for one, leaves
/// its children behind then.
pub(crate) fn run(command: &mut Command, interrupt: &Interrupt) -> anyhow::Result<ExitStatus> {
    supervise(command, None, interrupt)?.context("a program without a limit runs to its end")
}

/// [`run`] for a program that may wait for somebody else; `None` if it took longer than `limit` and was ended.
pub(crate) fn run_within(
    limit: Duration,
    command: &mut Command,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<ExitStatus>> {
    supervise(command, Some(Instant::now() + limit), interrupt)
}

fn supervise(
    command: &mut Command,
    until: Option<Instant>,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<ExitStatus>> {
    interrupt.check()?;
    let mut child = spawn_group(command)?;
    loop {
        if let Some(status) = child.try_wait().context("wait for a program")? {
            interrupt.check()?;
            return Ok(Some(status));
        }
        if interrupt.came() {
            end_group(&mut child, GRACE)?;
            return Err(Interrupted.into());
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            end_group(&mut child, GRACE)?;
            return Ok(None);
        }
        thread::sleep(GLANCE);
    }
}

/// Looks at a condition again and again until it holds (`true`) or the limit has passed (`false`).
pub(crate) fn wait_until(
    interrupt: &Interrupt,
    limit: Duration,
    mut holds: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<bool> {
    let end = Instant::now() + limit;
    loop {
        if holds()? {
            return Ok(true);
        }
        interrupt.check()?;
        if Instant::now() >= end {
            return Ok(false);
        }
        thread::sleep(GLANCE);
    }
}

fn spawn_group(command: &mut Command) -> anyhow::Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .process_group(0)
        .spawn()
        .with_context(|| format!("start {program}"))
}

/// Asks a child and its children to end, and ends them when they take longer than the grace.
fn end_group(child: &mut Child, grace: Duration) -> anyhow::Result<ExitStatus> {
    let group = group_of(child);
    signal_group(group, Signal::SIGTERM)?;
    let end = Instant::now() + grace;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().context("wait for a program")? {
            return Ok(status);
        }
        thread::sleep(GLANCE);
    }
    signal_group(group, Signal::SIGKILL)?;
    child.wait().context("wait for a killed program")
}

fn group_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id fits into pid_t, which is an i32"))
}

fn signal_group(group: Pid, signal: Signal) -> anyhow::Result<()> {
    match killpg(group, signal) {
        // Gone already.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        // macOS answers so for a group whose only member is a zombie.
        Err(Errno::EPERM) if cfg!(target_os = "macos") => Ok(()),
        Err(error) => Err(error).context("signal a program"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Interrupt {
        Interrupt(Arc::new(AtomicBool::new(false)))
    }

    fn interrupted() -> Interrupt {
        Interrupt(Arc::new(AtomicBool::new(true)))
    }

    #[test]
    fn a_program_that_ends_by_itself_hands_back_its_status() {
        let status = run(Command::new("sh").args(["-c", "exit 3"]), &quiet()).unwrap();
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn ctrl_c_ends_the_program_and_its_children() {
        let interrupt = quiet();
        let pressed = interrupt.clone();
        let folder = tempfile::tempdir().unwrap();
        let marker = folder.path().join("started");
        let script = format!("sleep 600 & echo $! > {}; wait", marker.display());
        let seen = marker.clone();
        thread::spawn(move || {
            wait_until(&quiet(), GRACE, || Ok(!read(&seen).is_empty())).unwrap();
            pressed.0.store(true, Ordering::Relaxed);
        });
        let error = run(Command::new("sh").args(["-c", &script]), &interrupt).unwrap_err();
        assert!(error.is::<Interrupted>());
        let child = read(&marker).trim().parse().unwrap();
        assert!(wait_until(&quiet(), GRACE, || Ok(!identity::is_running(child))).unwrap());
    }

    fn read(file: &std::path::Path) -> String {
        std::fs::read_to_string(file).unwrap_or_default()
    }

    #[test]
    fn nothing_is_started_after_ctrl_c() {
        let error = run(&mut Command::new("does-not-exist"), &interrupted()).unwrap_err();
        assert!(error.is::<Interrupted>());
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let mut sleep = Command::new("sleep");
        let ended = run_within(Duration::ZERO, sleep.arg("600"), &quiet()).unwrap();
        assert!(ended.is_none());
        let status = run_within(GRACE, &mut Command::new("true"), &quiet()).unwrap();
        assert!(status.is_some_and(|status| status.success()));
    }

    #[test]
    fn a_wait_has_a_limit() {
        assert!(!wait_until(&quiet(), Duration::ZERO, || Ok(false)).unwrap());
    }
}
