//! `cargo xtask test`: everything that the build server runs.

use std::{
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::ValueEnum;

use crate::{
    checkout, compat,
    dev::{build::Build, rehearsal},
    drill::{self, next_release},
    gates, linters, prepare,
    process::{self, Interrupt, Interrupted},
    services::{
        Borrowed, Purpose, Services,
        packages::{self, BROWSER, DRILLS, UNIT},
    },
    supply,
};

mod axe;

/// One part of the run. The order is that of running: what fails fastest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Step {
    /// Formatting
    Fmt,
    /// Lints
    Clippy,
    /// Documentation
    Doc,
    /// The committed `.sqlx` folders
    Queries,
    /// What the dependencies bring along
    Supply,
    /// What the product is deployed with, by its linters
    Deploy,
    /// Tests and gates
    Unit,
    /// The journey through a real browser
    Journey,
    /// This release and the one before on one schema
    Compat,
    /// The command `dev`, as a newcomer runs it
    Dev,
    /// Faults in a running shop, in their short form
    Drills,
}

/// The gates that need tools of their own.
const SUPPLY: &str = "house::supply";
const DEPLOY: &str = "house::deploy";

/// The tests that want the release before.
pub(crate) const SIDE_BY_SIDE: &str = "side_by_side::";

impl Step {
    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn needs_services(self) -> bool {
        matches!(
            self,
            Self::Queries | Self::Unit | Self::Journey | Self::Compat | Self::Drills
        )
    }
}

/// How a step went, and how long it took.
struct Outcome {
    step: Step,
    passed: bool,
    took: Duration,
}

/// Runs all the steps, also after one of them failed: one run tells everything that is wrong.
pub(crate) fn run(chosen: &[Step], interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let steps = in_order(chosen);
    let services = services_for(&steps, interrupt)?;
    let mut outcomes = Vec::new();
    for step in &steps {
        println!("\n── {} ──", step.name());
        let since = Instant::now();
        let passed = match run_step(*step, services.as_ref(), interrupt) {
            Ok(passed) => passed,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                eprintln!("error: {error:#}");
                false
            }
        };
        outcomes.push(Outcome {
            step: *step,
            passed,
            took: since.elapsed(),
        });
    }
    // Ended before the summary, so that the last word is the summary's.
    drop(services);
    println!("\n{}", summary(&outcomes));
    let passed = outcomes.iter().all(|outcome| outcome.passed);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every step once, in the order of running; all of them when none is chosen.
fn in_order(chosen: &[Step]) -> Vec<Step> {
    let all = Step::value_variants().iter().copied();
    all.filter(|step| chosen.is_empty() || chosen.contains(step))
        .collect()
}

/// Installs whatever the steps need, in one go, and starts the services for as long as they run.
fn services_for(steps: &[Step], interrupt: &Interrupt) -> anyhow::Result<Option<Borrowed>> {
    if !steps.iter().any(|step| step.needs_services()) {
        return Ok(None);
    }
    let mut tools = Services::new(Purpose::Test, false).tools().to_vec();
    if steps.contains(&Step::Journey) {
        tools.extend(BROWSER);
    }
    if steps.contains(&Step::Unit) {
        tools.extend(UNIT);
    }
    if steps.contains(&Step::Drills) {
        tools.extend(DRILLS);
    }
    packages::ensure(&tools)?;
    Borrowed::new(interrupt).map(Some)
}

fn run_step(
    step: Step,
    services: Option<&Borrowed>,
    interrupt: &Interrupt,
) -> anyhow::Result<bool> {
    if step == Step::Journey {
        axe::fetch(interrupt)?;
    }
    if matches!(
        step,
        Step::Deploy | Step::Unit | Step::Journey | Step::Drills
    ) {
        // Tests start the real programs, which `cargo test` alone would not build.
        Build::new(false)?.run_or_fail(interrupt)?;
    }
    if step == Step::Supply && !supply::run(interrupt)? {
        return Ok(false);
    }
    if step == Step::Deploy {
        linters::ensure(interrupt)?;
    }
    let mut command = match step {
        Step::Queries => return prepare::run(true, interrupt).map(|()| true),
        Step::Compat => return compat::run(&compat::Options::default(), interrupt),
        Step::Dev => return rehearsal::run(interrupt).map(|()| true),
        Step::Fmt => checkout::cargo(["fmt", "--all", "--check"]),
        Step::Clippy => {
            let mut clippy = workspace(["clippy", "--all-targets"]);
            clippy.args(["--", "-D", "warnings"]);
            clippy
        }
        Step::Doc => {
            // Nobody uses these crates from outside: their documentation is for those who work inside, where links to
            // private items lead somewhere.
            let mut doc = workspace(["doc", "--no-deps", "--document-private-items"]);
            doc.env(
                "RUSTDOCFLAGS",
                "-D warnings -A rustdoc::private-intra-doc-links",
            );
            doc
        }
        Step::Unit => {
            let mut unit = workspace(["test"]);
            unit.arg("--");
            for elsewhere in ["journey::browser", SIDE_BY_SIDE, SUPPLY, DEPLOY] {
                unit.args(["--skip", elsewhere]);
            }
            unit
        }
        Step::Supply | Step::Deploy => {
            let mut gate = gates::of_the_suites("it");
            gate.arg(if step == Step::Supply { SUPPLY } else { DEPLOY });
            gate
        }
        Step::Journey => {
            let mut journey = gates::of_the_suites("it");
            journey.arg("journey::browser");
            journey
        }
        Step::Drills => {
            let mut drills = drill::command();
            drills.arg("--short");
            next_release::build(interrupt)?.tell(&mut drills);
            drills
        }
    };
    if let Some(services) = services {
        services.tell(&mut command);
    }
    Ok(process::run(&mut command, interrupt)?.success())
}

fn workspace<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = checkout::cargo(arguments);
    command.args(["--workspace", "--all-features"]);
    command
}

fn summary(outcomes: &[Outcome]) -> String {
    let mut lines: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let word = if outcome.passed { "passed" } else { "FAILED" };
            format!(
                "  {:<10}{word}{:>9.1} s",
                outcome.step.name(),
                outcome.took.as_secs_f64()
            )
        })
        .collect();
    lines.push(format!("\n{}", verdict(outcomes)));
    lines.join("\n")
}

/// The last line. It never says more than what was run.
fn verdict(outcomes: &[Outcome]) -> String {
    let run = outcomes.len();
    let failed = names(
        outcomes
            .iter()
            .filter(|one| !one.passed)
            .map(|one| one.step),
    );
    if !failed.is_empty() {
        return format!(
            "{} of {run} steps failed: {}.",
            failed.len(),
            failed.join(", ")
        );
    }
    let all = Step::value_variants();
    let left_out = names(
        all.iter()
            .copied()
            .filter(|step| !outcomes.iter().any(|outcome| outcome.step == *step)),
    );
    if left_out.is_empty() {
        format!("All {run} steps passed.")
    } else {
        format!(
            "{run} of {} steps passed. Not run: {}.",
            all.len(),
            left_out.join(", ")
        )
    }
}

fn names(steps: impl Iterator<Item = Step>) -> Vec<String> {
    steps.map(Step::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(steps: &[(Step, bool)]) -> Vec<Outcome> {
        steps
            .iter()
            .map(|&(step, passed)| Outcome {
                step,
                passed,
                took: Duration::from_millis(1500),
            })
            .collect()
    }

    #[test]
    fn without_a_choice_everything_runs_and_a_choice_runs_in_order_and_once() {
        assert_eq!(in_order(&[]), Step::value_variants());
        let chosen = [Step::Unit, Step::Fmt, Step::Unit];
        assert_eq!(in_order(&chosen), [Step::Fmt, Step::Unit]);
    }

    #[test]
    fn a_part_of_the_steps_is_not_called_all() {
        let verdict = verdict(&outcomes(&[(Step::Fmt, true), (Step::Doc, true)]));
        assert_eq!(
            verdict,
            "2 of 11 steps passed. Not run: clippy, queries, supply, deploy, unit, journey, compat, dev, drills."
        );
    }

    #[test]
    fn failed_steps_are_named() {
        let outcomes = outcomes(&[(Step::Fmt, true), (Step::Clippy, false)]);
        assert_eq!(verdict(&outcomes), "1 of 2 steps failed: clippy.");
        assert!(summary(&outcomes).contains("  clippy    FAILED      1.5 s"));
    }

    #[test]
    fn all_is_said_when_all_ran() {
        let all: Vec<_> = Step::value_variants()
            .iter()
            .map(|step| (*step, true))
            .collect();
        assert_eq!(verdict(&outcomes(&all)), "All 11 steps passed.");
    }
}
