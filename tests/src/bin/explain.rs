//! Prints the plans that the gate of the plans sees: what `cargo xtask explain` calls.
#![expect(clippy::print_stdout, reason = "it speaks to a person")]

use std::path::Path;
use std::process::ExitCode;

use tests::gates::plans::{Stage, queries};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let part = std::env::args().nth(1).unwrap_or_default();
    let mut queries = queries(Path::new("."));
    queries.retain(|query| query.place.contains(&part) || query.text.contains(&part));
    if queries.is_empty() {
        println!("No query stands in a file called {part}, or says it.");
        return ExitCode::FAILURE;
    }
    let mut stage = Stage::set("").await;
    for query in &queries {
        let plan = stage.explain(query).await;
        println!("{}\n{}\n\n{plan}\n", query.place, query.text);
    }
    ExitCode::SUCCESS
}
