//! Runs drills: what `cargo xtask drill` calls.
#![expect(clippy::print_stdout, reason = "it speaks to a person")]

use std::process::ExitCode;

use clap::Parser;
use tests::drills::{self, Drill, Length};

/// Bring about faults in a running shop, and say what came of them
#[derive(Parser)]
struct Arguments {
    /// Only these
    names: Vec<String>,
    /// In the form that takes seconds
    #[arg(long)]
    short: bool,
    /// Print the names and do nothing
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (usual, on_request) = (drills::all(), drills::on_request());
    let all = [usual.clone(), on_request.clone()].concat();
    if arguments.list {
        for drill in usual {
            println!("{:<20}{}", drill.name, drill.fault);
        }
        println!("\nOnly when named:");
        for drill in on_request {
            println!("{:<20}{}", drill.name, drill.fault);
        }
        return ExitCode::SUCCESS;
    }
    let names: Vec<_> = all.iter().map(|drill| drill.name).collect();
    if let Some(unknown) = (arguments.names.iter()).find(|name| !names.contains(&name.as_str())) {
        println!(
            "There is no drill {unknown}: choose from {}.",
            names.join(", ")
        );
        return ExitCode::FAILURE;
    }
    let chosen = |drill: &Drill| arguments.names.iter().any(|name| name == drill.name);
    let length = if arguments.short {
        Length::Short
    } else {
        Length::Long
    };
    let mut outcomes = Vec::new();
    let drills = if arguments.names.is_empty() {
        usual
    } else {
        all.into_iter().filter(chosen).collect()
    };
    for drill in drills {
        println!("── {}: {}", drill.name, drill.fault);
        let outcome = drill.run(length).await;
        let word = if outcome.measured.is_ok() {
            "passed"
        } else {
            "FAILED"
        };
        println!("   {word} after {:.1} s", outcome.took.as_secs_f64());
        outcomes.push(outcome);
    }
    println!("\n{}\n", drills::table(&outcomes));
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.measured.is_err())
        .count();
    println!(
        "{} drills passed, {failed} failed.",
        outcomes.len() - failed
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
