//! The gates hold, and each of them notices the fault that it is there for.

mod backfills;
mod migrations;
mod plans;
mod reversal;

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
