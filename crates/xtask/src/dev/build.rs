//! Building the shop's programs.

use std::{path::PathBuf, process::Command};

use anyhow::ensure;

use crate::{
    checkout,
    process::{self, Interrupt},
};

/// What cargo is told: this choice of packages everywhere, as another would be another choice of features, and so another build
/// of the dependencies.
pub(crate) const PROGRAMS: [&str; 6] = ["build", "--bins", "-p", "server", "-p", "sandbox"];

/// How the programs are built, and where cargo puts them.
pub(crate) struct Build {
    release: bool,
    target: PathBuf,
}

impl Build {
    pub(crate) fn new(release: bool) -> anyhow::Result<Self> {
        Ok(Self {
            release,
            target: checkout::metadata()?.target_directory,
        })
    }

    pub(crate) fn binaries(&self) -> PathBuf {
        self.target
            .join(if self.release { "release" } else { "debug" })
    }

    pub(crate) fn command(&self) -> Command {
        let mut build = checkout::cargo(PROGRAMS);
        if self.release {
            build.arg("--release");
        }
        build
    }

    /// Whether it succeeded; cargo prints what it has to say.
    pub(crate) fn run(&self, interrupt: &Interrupt) -> anyhow::Result<bool> {
        Ok(process::run(&mut self.command(), interrupt)?.success())
    }

    pub(crate) fn run_or_fail(&self, interrupt: &Interrupt) -> anyhow::Result<()> {
        ensure!(
            self.run(interrupt)?,
            "the shop does not build: see the compiler's messages above, \
             and run `cargo xtask prepare` if they speak of cached query data"
        );
        Ok(())
    }
}
