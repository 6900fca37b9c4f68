//! `cargo xtask gates` and `cargo xtask explain`: what must hold for every query, route, migration and crate.
//!
//! A gate is a module of the suite below `gates` or `house`. Its list is the suite's own, so a new gate is here at once.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use crate::{
    checkout,
    dev::build::Build,
    linters,
    process::{self, Interrupt},
    services::Borrowed,
    tools,
};

/// The modules of the suite whose modules are gates.
const FOLDERS: [&str; 2] = ["gates", "house"];

struct Outcome<'a> {
    gate: &'a str,
    tests: usize,
    passed: bool,
    took: Duration,
}

/// Runs the gates called `chosen`, or all, and prints one table.
pub(crate) fn run(chosen: &[String], interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let services = Borrowed::new(interrupt)?;
    // Some gates ask the programs, which the suite alone would not build.
    Build::new(false)?.run_or_fail(interrupt)?;
    let gates = list()?;
    for name in chosen {
        ensure!(
            gates.contains_key(name.as_str()),
            "there is no gate {name}: choose from {}",
            gates.keys().cloned().collect::<Vec<_>>().join(", ")
        );
    }
    if chosen.is_empty() || chosen.iter().any(|gate| gate == "supply") {
        tools::ensure(tools::SUPPLY, interrupt)?;
    }
    if chosen.is_empty() || chosen.iter().any(|gate| gate == "deploy") {
        linters::ensure(interrupt)?;
    }
    let mut outcomes = Vec::new();
    for (gate, tests) in &gates {
        if !chosen.is_empty() && !chosen.contains(gate) {
            continue;
        }
        let since = Instant::now();
        let mut command = suite(&[]);
        command.args(tests).arg("--exact");
        services.tell(&mut command);
        outcomes.push(Outcome {
            gate,
            tests: tests.len(),
            passed: process::run(&mut command, interrupt)?.success(),
            took: since.elapsed(),
        });
    }
    // Ended before the table, so that the last word is the table's.
    drop(services);
    println!("\n{}", table(&outcomes));
    if chosen.is_empty() {
        println!("\n{}", long_files()?);
    }
    Ok(if outcomes.iter().all(|outcome| outcome.passed) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints the plans of the queries that stand in a file called `part` or say it.
pub(crate) fn explain(part: &str, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let services = Borrowed::new(interrupt)?;
    let mut command = checkout::cargo([
        "run",
        "--quiet",
        "-p",
        "tests",
        "--all-features",
        "--bin",
        "explain",
        "--",
        part,
    ]);
    services.tell(&mut command);
    let explained = process::run(&mut command, interrupt)?.success();
    Ok(if explained {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn suite(arguments: &[&str]) -> Command {
    let mut command = of_the_suites("it");
    command.args(arguments);
    command
}

/// Runs a target of the suites, built as `cargo xtask test` builds it: another choice of packages would be another choice of
/// features, and so another build of the dependencies.
pub(crate) fn of_the_suites(target: &str) -> Command {
    checkout::cargo([
        "test",
        "--quiet",
        "--workspace",
        "--all-features",
        "--test",
        target,
        "--",
    ])
}

/// Each gate with the names of its tests.
fn list() -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let listed = suite(&["--list", "--format", "terse"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("run cargo")?;
    ensure!(
        listed.status.success(),
        "the suite does not build: see the compiler's messages above"
    );
    Ok(grouped(&String::from_utf8_lossy(&listed.stdout)))
}

/// `gates::plans::every_query…: test` belongs to the gate `plans`.
fn grouped(listed: &str) -> BTreeMap<String, Vec<String>> {
    let mut gates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for test in listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
    {
        let mut path = test.split("::");
        let folder = path.next().unwrap_or_default();
        if let (true, Some(gate)) = (FOLDERS.contains(&folder), path.next()) {
            gates
                .entry(gate.to_owned())
                .or_default()
                .push(test.to_owned());
        }
    }
    gates
}

fn table(outcomes: &[Outcome<'_>]) -> String {
    let lines: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            format!(
                "  {:<12}{:<8}{:>3} tests{:>8.1} s",
                outcome.gate,
                if outcome.passed { "holds" } else { "BROKEN" },
                outcome.tests,
                outcome.took.as_secs_f64()
            )
        })
        .collect();
    lines.join("\n")
}

/// What people read in one go.
const LONG: usize = 300;

/// The files that have grown long. A warning and no gate: a few are one table, or one story, that nobody would split.
fn long_files() -> anyhow::Result<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--", "*.rs"])
        .current_dir(checkout::root())
        .output()
        .context("list the files with git")?;
    let mut long = Vec::new();
    for file in String::from_utf8_lossy(&listed.stdout).lines() {
        // A file that is deleted and not yet committed is listed still.
        let source = fs::read_to_string(checkout::root().join(file)).unwrap_or_default();
        let lines = source.lines().count();
        if lines > LONG {
            long.push((lines, file.to_owned()));
        }
    }
    Ok(warning(long))
}

fn warning(mut long: Vec<(usize, String)>) -> String {
    long.sort_by(|one, other| other.cmp(one));
    let lines = long
        .iter()
        .map(|(lines, file)| format!("  {lines:>5}  {file}"));
    format!(
        "files of more than {LONG} lines, to be split by use case when one is touched anyway:\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_the_modules_of_the_suite_below_two_folders() {
        let listed = "gates::plans::a: test\ngates::plans::b: test\nhouse::graph::c: test\n\
            journey::api::d: test\nrequirements::e: test\n\n5 tests, 0 benchmarks\n";
        let gates = grouped(listed);
        assert_eq!(gates.keys().collect::<Vec<_>>(), ["graph", "plans"]);
        assert_eq!(gates["plans"], ["gates::plans::a", "gates::plans::b"]);
    }

    #[test]
    fn the_longest_file_is_warned_of_first() {
        let long = vec![(301, "a.rs".to_owned()), (1000, "b.rs".to_owned())];
        let warning = warning(long);
        assert!(
            warning.ends_with(":\n   1000  b.rs\n    301  a.rs"),
            "{warning}"
        );
    }

    #[test]
    fn the_table_says_which_gate_is_broken() {
        let outcome = |gate, passed| Outcome {
            gate,
            tests: 5,
            passed,
            took: Duration::from_millis(1500),
        };
        let table = table(&[outcome("graph", true), outcome("plans", false)]);
        assert_eq!(
            table,
            "  graph       holds     5 tests     1.5 s\n  plans       BROKEN    5 tests     1.5 s"
        );
    }
}
