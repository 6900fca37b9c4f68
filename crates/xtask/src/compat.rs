//! `cargo xtask compat`: whether this checkout's schema serves the release that still runs. Both run side by side while one
//! takes the other's place, and whoever takes a release back has the older one on the newer schema.
//!
//! The release that runs is copied from its commit and built. Then its server and this one serve one shop beside each
//! other (`tests/src/compat.rs`), and its own suites run on this schema.

mod migrations;
mod release;
mod suites;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::ensure;
use clap::Args;

use self::release::{Release, Repository};
use crate::{
    checkout, copy,
    dev::build::{Build, PROGRAMS},
    gates,
    process::{self, Interrupt},
    services::Borrowed,
    test::SIDE_BY_SIDE,
};

const WHY: &str = "
    why    The release before still runs while this schema is there, beside this one during a deployment and instead of it
           once somebody takes this one back. What its suites do here, its customers do then.
    fix    Expand in this release, contract in a later one: see migrations/README.md. What fails on that release's own schema
           as well was broken before: name another with `--against`.";

/// What judges the migrations and the runner of migrations themselves: that is this checkout's business.
const NOT_THE_RELEASES: &str = "migrations::";

/// Which release.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// The release that still runs: a tag, a branch or a commit
    #[arg(long, value_name = "GIT REF")]
    against: Option<String>,
    /// Run its suites on this schema even if it is the one that they were written for
    #[arg(long)]
    suites: bool,
}

/// Whether they get on with each other.
pub(crate) fn run(options: &Options, interrupt: &Interrupt) -> anyhow::Result<bool> {
    let release = Repository(checkout::root()).release(options.against.as_deref())?;
    println!("The release that still runs: {release}.");
    let home = checkout::metadata()?.target_directory.join("compat");
    let services = Borrowed::new(interrupt)?;

    let before = Copy::new(&home, "checkout", "before");
    before.make(&release, interrupt)?;
    before.build_server(interrupt)?;
    Build::new(false)?.run_or_fail(interrupt)?;
    let mut beside = gates::of_the_suites("it");
    beside
        .arg(SIDE_BY_SIDE)
        .env("SERVER_OF_THE_RELEASE_BEFORE", before.server());
    services.tell(&mut beside);
    let get_on = process::run(&mut beside, interrupt)?.success();

    if !options.suites && migrations::are_the_same(&before.folder, checkout::root())? {
        println!(
            "Both have the same migrations, so its suites would see the schema that they were written for: left out. \
             `cargo xtask compat --suites` runs them."
        );
        return Ok(get_on);
    }
    let suites = Copy::new(&home, "suites", "before-suites");
    suites.make(&release, interrupt)?;
    migrations::lay_over(&suites.folder, interrupt)?;
    Ok(suites.run_suites(&before, &services, interrupt)? && get_on)
}

/// The release, in a folder of its own.
struct Copy {
    folder: PathBuf,
    mark: &'static str,
}

impl Copy {
    fn new(home: &Path, name: &str, mark: &'static str) -> Self {
        Self {
            folder: home.join(name),
            mark,
        }
    }

    fn make(&self, release: &Release, interrupt: &Interrupt) -> anyhow::Result<()> {
        copy::of_commit(&release.commit, &self.folder, self.mark, interrupt)
    }

    fn server(&self) -> PathBuf {
        self.folder.join("target/debug/server")
    }

    fn cargo<const N: usize>(&self, arguments: [&str; N]) -> anyhow::Result<Command> {
        let mut cargo = copy::cargo(&self.folder, arguments)?;
        // Nobody edits what is built here.
        cargo.env("CARGO_INCREMENTAL", "0");
        Ok(cargo)
    }

    fn build_server(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        let built = process::run(&mut self.cargo(PROGRAMS)?, interrupt)?;
        ensure!(
            built.success(),
            "the release that still runs does not build: see above, and name another with `--against`"
        );
        Ok(())
    }

    /// Its modules' suites, then its journeys but the browser's, which look at pages and not at rows. What judges the
    /// house and its migrations folder is left out: that folder is not the release's own here. The journeys start the
    /// server of `release`, which knows of its own migrations alone.
    fn run_suites(
        &self,
        release: &Self,
        services: &Borrowed,
        interrupt: &Interrupt,
    ) -> anyhow::Result<bool> {
        let journeys = ["--test", "it", "--config", &release.beside_its_server()];
        let mut passed = true;
        for (suites, chosen) in [
            (
                &["--lib", "--no-fail-fast"][..],
                &["--skip", NOT_THE_RELEASES][..],
            ),
            (&journeys, &["journey::", "--skip", "journey::browser"]),
        ] {
            passed &= self.pass(suites, chosen, services, interrupt)?;
        }
        if !passed {
            eprintln!(
                "error: suites of the release that still runs fail on this checkout's schema{WHY}"
            );
        }
        Ok(passed)
    }

    /// Whether they pass, if need be at the second try and alone: what the schema breaks, it breaks each time. A race between
    /// tests of a release that is out already, nobody here can put right.
    fn pass(
        &self,
        suites: &[&str],
        chosen: &[&str],
        services: &Borrowed,
        interrupt: &Interrupt,
    ) -> anyhow::Result<bool> {
        let run = |chosen: &[&str]| {
            let mut cargo = self.cargo(["test", "--quiet", "--workspace", "--all-features"])?;
            cargo.args(suites).arg("--").args(chosen);
            services.tell(&mut cargo);
            suites::run(&mut cargo, &self.folder.with_extension("log"), interrupt)
        };
        let outcome = run(chosen)?;
        let names: Vec<_> = outcome.failed.iter().map(String::as_str).collect();
        if outcome.succeeded || names.is_empty() {
            return Ok(outcome.succeeded);
        }
        println!("Once more, and alone: {}", names.join(", "));
        let again = run(&[&names[..], &["--exact"]].concat())?;
        let passed = again.succeeded && again.passed >= names.len();
        if passed {
            println!(
                "They pass alone: a race between that release's tests, or of this schema's under load. Look at what they said above."
            );
        }
        Ok(passed)
    }

    /// Has cargo run tests from where they find this server: they start the one in the folder above their own, and cargo
    /// leaves them beside the checkout's.
    fn beside_its_server(&self) -> String {
        let programs = self.folder.join("target/debug/deps");
        let script = r#"mkdir -p \"$0\" && cp \"$1\" \"$0\" && test=\"$0/${1##*/}\" && shift && exec \"$test\" \"$@\""#;
        format!(
            r#"target."cfg(all())".runner = ["sh", "-c", "{script}", "{}"]"#,
            programs.display()
        )
    }
}
