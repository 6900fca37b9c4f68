//! Telling a process from a later one that was given the same number.

use std::{fs, process::Command};

use serde::{Deserialize, Serialize};

/// A process id together with the process's start time: ids are used again, the pair is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: i32,
    /// In whatever form the system tells it; only ever compared.
    started: String,
}

impl Identity {
    /// `None` when no such process runs.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let started = started(pid)?;
        Some(Self { pid, started })
    }

    /// Whether this very process still runs.
    pub(super) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

#[cfg(test)]
pub(super) fn is_running(pid: i32) -> bool {
    started(pid).is_some()
}

fn started(pid: i32) -> Option<String> {
    if cfg!(target_os = "linux") {
        return started_by_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    }
    let output = Command::new("ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let started = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!started.is_empty()).then_some(started)
}

/// The start time, in ticks since boot, from proc(5)'s `stat`; `None` for a process that only waits to be reaped.
///
/// The fields are counted from the last parenthesis, because a program's name may hold spaces and parentheses.
fn started_by_stat(stat: &str) -> Option<String> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?;
    // State is field 3, the start time field 22.
    let started = fields.nth(18)?;
    (state != "Z" && state != "X").then(|| started.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4711 (a (strange) name) S 1 4711 4711 0 -1 4194560 100 0 0 0 5 6 0 0 20 0 1 0 88123 1000 200 1";

    #[test]
    fn the_start_time_is_found_behind_a_strange_name() {
        assert_eq!(started_by_stat(STAT).as_deref(), Some("88123"));
    }

    #[test]
    fn a_process_that_only_waits_to_be_reaped_does_not_run() {
        assert_eq!(started_by_stat(&STAT.replace(" S ", " Z ")), None);
    }

    #[test]
    fn a_later_process_with_the_same_number_is_another_one() {
        let own = i32::try_from(std::process::id()).unwrap();
        let mut identity = Identity::of(own).unwrap();
        assert!(identity.is_alive());
        identity.started.push('0');
        assert!(!identity.is_alive());
    }
}
