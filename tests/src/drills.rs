//! Drills: a fault is brought about in a running shop under load, and what must hold is counted afterwards.
//!
//! Each drill is bounded in time and number, stays on loopback, and starts what it harms. `cargo xtask drill` runs them and
//! prints one table. A drill fails by panicking, as a test does.

mod books;
mod checkout;
mod compose;
mod deploy;
mod engine;
mod host;
mod image;
mod load;
mod payments;
mod readers;
mod restore;
mod services;
mod workers;
mod workflow;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

pub use self::books::Books;

/// How much a drill does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Enough to see that the protection is there; a few seconds.
    Short,
    /// Enough to believe in it; up to minutes.
    Long,
}

impl Length {
    /// One of two figures.
    #[must_use]
    pub fn pick<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// What a drill saw, in the words of its table.
pub type Measured = String;

type Run = fn(Length) -> LocalBoxFuture<'static, Measured>;

/// One fault and what is expected of it.
#[derive(Clone, Copy)]
pub struct Drill {
    /// How it is called on the command line.
    pub name: &'static str,
    /// What is brought about.
    pub fault: &'static str,
    /// What must hold.
    pub expected: &'static str,
    run: Run,
}

/// Every drill, in the order of running.
#[must_use]
pub fn all() -> Vec<Drill> {
    [
        &checkout::DRILLS[..],
        &workers::DRILLS,
        &services::DRILLS,
        &payments::DRILLS,
        &deploy::DRILLS,
        &restore::DRILLS,
    ]
    .concat()
}

/// Drills that need what not every machine has: each runs when it is named, and not with the others.
#[must_use]
pub fn on_request() -> Vec<Drill> {
    [
        &compose::DRILLS[..],
        &host::DRILLS,
        &image::DRILLS,
        &workflow::DRILLS,
    ]
    .concat()
}

/// How a drill ended.
pub struct Outcome {
    /// The drill.
    pub drill: Drill,
    /// What it saw, or why it failed.
    pub measured: Result<Measured, String>,
    /// How long it took.
    pub took: Duration,
}

impl Drill {
    /// Runs it.
    pub async fn run(self, length: Length) -> Outcome {
        let since = Instant::now();
        let measured = AssertUnwindSafe((self.run)(length)).catch_unwind().await;
        let measured = measured.map_err(|panic| panic_text(&*panic).to_owned());
        Outcome {
            drill: self,
            measured,
            took: since.elapsed(),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panicked without a message")
}

/// The outcomes as a Markdown table.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut lines = vec![
        "| drill | fault | expected | measured |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    lines.extend(outcomes.iter().map(|outcome| {
        let Drill {
            name,
            fault,
            expected,
            ..
        } = &outcome.drill;
        let measured = match &outcome.measured {
            Ok(measured) => measured.clone(),
            // A message of several lines would end the row.
            Err(failure) => format!("**FAILED**: {}", failure.replace('\n', " ")),
        };
        format!("| `{name}` | {fault} | {expected} | {measured} |")
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(run: Run) -> Drill {
        Drill {
            name: "a-drill",
            fault: "a fault",
            expected: "nothing",
            run,
        }
    }

    #[tokio::test]
    async fn a_drill_that_panics_has_failed_and_says_why() {
        let fails = drill(|_| Box::pin(async { panic!("two\nlines") }));
        let passes = drill(|length| Box::pin(async move { length.pick("few", "many").to_owned() }));
        let outcomes = [
            fails.run(Length::Short).await,
            passes.run(Length::Long).await,
        ];
        assert_eq!(
            table(&outcomes).lines().skip(2).collect::<Vec<_>>(),
            [
                "| `a-drill` | a fault | nothing | **FAILED**: two lines |",
                "| `a-drill` | a fault | nothing | many |",
            ]
        );
    }

    #[test]
    fn no_two_drills_share_a_name() {
        let drills = [all(), on_request()].concat();
        let mut names: Vec<_> = drills.iter().map(|drill| drill.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), drills.len());
    }
}
