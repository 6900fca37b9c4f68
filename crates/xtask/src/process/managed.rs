//! Programs that run beside this one until it ends them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use nix::{sys::signal::Signal, unistd::Pid};

use super::{GLANCE, GRACE, Interrupt, identity::Identity, signal_group, spawn_group};
use crate::checkout;

/// A program in the background. It writes into its log file itself, so it neither blocks nor dies with this process.
///
/// Its identity stands in a file as long as it runs: a later command finds the program there when this process was
/// killed and could not end it.
pub(crate) struct Managed {
    name: &'static str,
    child: Child,
    record: PathBuf,
    since: Instant,
}

impl Managed {
    /// Starts a program in a process group of its own. `folder` holds the records.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log_file = File::options()
            .append(true)
            .create(true)
            .open(log)
            .with_context(|| format!("open {}", checkout::shown(log)))?;
        let errors = log_file.try_clone().context("share a log file")?;
        let child = spawn_group(command.stdin(Stdio::null()).stdout(log_file).stderr(errors))?;
        let managed = Self {
            name,
            record: folder.join(format!("{name}.json")),
            child,
            since: Instant::now(),
        };
        managed.write_record(folder)?;
        Ok(managed)
    }

    fn write_record(&self, folder: &Path) -> anyhow::Result<()> {
        // Ended already: whoever waits for it finds out.
        let Some(identity) = Identity::of(super::group_of(&self.child).as_raw()) else {
            return Ok(());
        };
        fs::create_dir_all(folder).context("create the folder of records")?;
        let json = serde_json::to_vec(&identity).context("encode a record")?;
        fs::write(&self.record, json)
            .with_context(|| format!("write {}", checkout::shown(&self.record)))
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How long ago it was started.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// How it ended, if it did by itself.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("look after {}", self.name))
    }

    /// Asks the program to end, without waiting.
    pub(crate) fn ask_to_end(&mut self) -> anyhow::Result<()> {
        if self.ended()?.is_none() {
            signal_group(super::group_of(&self.child), Signal::SIGTERM)?;
        }
        Ok(())
    }

    /// Does what a terminal does when somebody presses Ctrl-C in it.
    pub(crate) fn press_ctrl_c(&self) -> anyhow::Result<()> {
        signal_group(super::group_of(&self.child), Signal::SIGINT)
    }

    /// Ends the program: politely, and with force after the grace or when Ctrl-C is pressed (again) meanwhile.
    pub(crate) fn end(&mut self, grace: Duration, interrupt: &Interrupt) -> anyhow::Result<()> {
        self.ask_to_end()?;
        let end = Instant::now() + grace;
        while self.ended()?.is_none() {
            if Instant::now() >= end || interrupt.came() {
                signal_group(super::group_of(&self.child), Signal::SIGKILL)?;
                self.child.wait().context("wait for a killed program")?;
                break;
            }
            thread::sleep(GLANCE);
        }
        remove(&self.record)
    }
}

impl Drop for Managed {
    /// The last resort on the way out of an error or a panic.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            super::end_group(&mut self.child, GRACE).ok();
        }
        remove(&self.record).ok();
    }
}

/// Ends what an earlier process started and, because it was killed, could not end. Returns the programs' names.
///
/// Only the very processes on record are signalled, never later ones with the same number.
pub(crate) fn end_leftovers(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(names);
    };
    for entry in entries {
        let record = entry.context("list the records")?.path();
        let identity = fs::read(&record)
            .ok()
            .and_then(|json| serde_json::from_slice::<Identity>(&json).ok());
        if let Some(identity) = identity.filter(Identity::is_alive) {
            end_leftover(&identity)?;
            names.extend(record.file_stem().map(|name| name.to_string_lossy().into()));
        }
        remove(&record)?;
    }
    names.sort();
    Ok(names)
}

fn end_leftover(identity: &Identity) -> anyhow::Result<()> {
    let group = Pid::from_raw(identity.pid);
    signal_group(group, Signal::SIGTERM)?;
    let end = Instant::now() + GRACE;
    while identity.is_alive() {
        if Instant::now() >= end {
            signal_group(group, Signal::SIGKILL)?;
        }
        thread::sleep(GLANCE);
    }
    Ok(())
}

fn remove(record: &Path) -> anyhow::Result<()> {
    match fs::remove_file(record) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", checkout::shown(record)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{mem, sync::Arc};

    use super::*;

    fn sleeper(folder: &Path) -> Managed {
        let mut command = Command::new("sleep");
        Managed::start("sleeper", command.arg("600"), &folder.join("log"), folder).unwrap()
    }

    fn quiet() -> Interrupt {
        Interrupt(Arc::default())
    }

    #[test]
    fn ending_a_program_removes_its_record() {
        let folder = tempfile::tempdir().unwrap();
        let mut managed = sleeper(folder.path());
        assert!(managed.record.exists());
        managed.end(GRACE, &quiet()).unwrap();
        assert!(managed.ended().unwrap().is_some());
        assert!(!managed.record.exists());
    }

    #[test]
    fn a_program_that_will_not_end_is_killed_after_its_grace() {
        let folder = tempfile::tempdir().unwrap();
        let (log, ready) = (folder.path().join("log"), folder.path().join("ready"));
        let script = format!(
            "trap '' TERM; touch {}; while :; do sleep 1; done",
            ready.display()
        );
        let mut command = Command::new("sh");
        let records = folder.path().join("records");
        let mut managed =
            Managed::start("stubborn", command.args(["-c", &script]), &log, &records).unwrap();
        assert!(super::super::wait_until(&quiet(), GRACE, || Ok(ready.exists())).unwrap());
        managed.end(Duration::from_millis(50), &quiet()).unwrap();
        assert!(managed.ended().unwrap().is_some());
    }

    #[test]
    fn a_program_left_behind_by_a_killed_command_is_ended_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join("records");
        let mut command = Command::new("sh");
        // Another process reaps the sleeper here, as init does for an orphan.
        let log = folder.path().join("log");
        let mut managed = Managed::start(
            "orphan",
            command.args(["-c", "exec sleep 600"]),
            &log,
            &records,
        )
        .unwrap();
        let mut child = mem::replace(&mut managed.child, Command::new("true").spawn().unwrap());
        let reaper = thread::spawn(move || child.wait().unwrap());
        assert_eq!(end_leftovers(&records).unwrap(), ["orphan"]);
        assert!(!reaper.join().unwrap().success());
        assert!(end_leftovers(&records).unwrap().is_empty());
    }

    #[test]
    fn a_stranger_with_the_number_of_a_past_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::process::id();
        let record = folder.path().join("server.json");
        fs::write(&record, format!(r#"{{"pid":{own},"started":"long ago"}}"#)).unwrap();
        assert!(end_leftovers(folder.path()).unwrap().is_empty());
        assert!(!record.exists());
    }
}
