//! `cargo xtask fuzz`: libFuzzer, guided by what code an input reaches. What `cargo test` tries of each target is the short
//! form; see `crates/fuzzing`.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, ensure};
use clap::Args;

use crate::{
    checkout,
    process::{self, Interrupt},
};

/// What libFuzzer is told by, in LLVM's words: count the edges that are taken, and what is compared with what. They go to
/// LLVM through flags that are stable, so the pinned toolchain will do.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these; all of them one after another unless told
    targets: Vec<String>,
    /// How long each is run
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Print the names and do nothing
    #[arg(long)]
    list: bool,
}

/// A folder of inputs, and whose it is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    name: String,
    package: String,
    corpus: PathBuf,
}

/// Runs the chosen targets, or all.
pub(crate) fn run(options: &Options, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let all = targets()?;
    if options.list {
        for target in &all {
            println!("{:<20}{}", target.name, target.package);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &options.targets {
        ensure!(
            all.iter().any(|target| target.name == *name),
            "there is no target {name}: `cargo xtask fuzz --list` names them"
        );
    }
    let chosen =
        |target: &&Target| options.targets.is_empty() || options.targets.contains(&target.name);
    let mut broken = Vec::new();
    for target in all.iter().filter(chosen) {
        println!("\n── {} of {} ──", target.name, target.package);
        let mut command = command(target, options.seconds)?;
        if !process::run(&mut command, interrupt)?.success() {
            broken.push(target.name.as_str());
        }
    }
    if broken.is_empty() {
        println!("\nNothing was found.");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "\nBroken: {}. What broke it is in its corpus now, as `crash-…`: `cargo test` fails until it is mended. Give the \
         file a name that says what it tries.",
        broken.join(", ")
    );
    Ok(ExitCode::FAILURE)
}

/// Every folder of a corpus, but for that of the crate which knows how to read one.
fn targets() -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for package in checkout::metadata()?.packages {
        let corpora = package.folder().join("corpus");
        if package.name == "fuzzing" || !corpora.is_dir() {
            continue;
        }
        for corpus in fs::read_dir(&corpora).context("read the corpora")? {
            let corpus = corpus.context("read the corpora")?;
            targets.push(Target {
                name: corpus.file_name().to_string_lossy().into_owned(),
                package: package.name.clone(),
                corpus: corpus.path(),
            });
        }
    }
    targets.sort();
    Ok(targets)
}

/// Builds the tests of the target's crate for the fuzzer, and has it run the one target.
fn command(target: &Target, seconds: u32) -> anyhow::Result<Command> {
    let build = checkout::metadata()?.target_directory.join("fuzz");
    // What it finds on its way, and what it goes on from the next time. The corpus is for people to read.
    let found = build.join("found").join(&target.name);
    fs::create_dir_all(&found).context("make a folder for what is found")?;
    let arguments = [
        found.display().to_string(),
        target.corpus.display().to_string(),
        format!("-artifact_prefix={}/", target.corpus.display()),
        format!("-max_total_time={seconds}"),
        "-timeout=10".to_owned(),
        "-print_final_stats=1".to_owned(),
    ];
    // With a platform named, flags reach neither build scripts nor macros, which no fuzzer is linked to.
    let mut command = checkout::cargo(["test", "--all-features", "--lib", "--target"]);
    command
        .arg(host()?)
        .args(["--package", &target.package, "--target-dir"])
        .arg(&build)
        .args(["--", "fuzz::", "--test-threads", "1", "--nocapture"])
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "2")
        .env("FUZZ_TARGET", &target.name)
        .env("FUZZ_ARGUMENTS", arguments.join("\n"));
    Ok(command)
}

/// The platform that this machine builds for.
fn host() -> anyhow::Result<String> {
    let said = Command::new("rustc").arg("-vV").output();
    let said = said.context("run rustc")?.stdout;
    let said = String::from_utf8_lossy(&said);
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}
