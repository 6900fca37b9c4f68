//! The gates hold, and each of them notices the fault that it is there for.

mod access;
mod backfills;
mod migrations;
mod plans;
mod reversal;
mod statements;

use std::fs;

use tests::gates::Finding;

/// What stands in the build's log: everything that a person needs to put it right.
pub(crate) fn told(findings: &[Finding]) -> String {
    let told: Vec<_> = findings.iter().map(Finding::to_string).collect();
    told.join("\n\n")
}

/// The rules that were broken, with where.
pub(crate) fn broken(findings: &[Finding]) -> Vec<(&str, &str)> {
    let broken = findings.iter();
    broken
        .map(|finding| (finding.rule.name, finding.place.as_str()))
        .collect()
}

/// Leaves what a gate has seen where a person can copy it from; gives the place.
fn kept(name: &str, seen: &str) -> String {
    let folder = tests::artefacts().with_file_name("gates");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), seen).unwrap();
    format!("target/gates/{name}")
}
