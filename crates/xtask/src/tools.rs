//! Programs of other people's that cargo builds, each in one version, into `target/tools`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::{
    checkout,
    process::{self, Interrupt},
};

/// A subcommand of cargo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Holds licences, sources and bans against `.deny.toml`, and asks for known weaknesses.
    Deny,
    /// Finds dependencies that no source names.
    Machete,
}

/// What `tests/it/house/supply.rs` needs.
pub(crate) const SUPPLY: &[Tool] = &[Tool::Deny, Tool::Machete];

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Deny => "cargo-deny",
            Self::Machete => "cargo-machete",
        }
    }

    /// The same for everybody: another version may find something else.
    fn version(self) -> &'static str {
        match self {
            Self::Deny => "0.20.2",
            Self::Machete => "0.9.2",
        }
    }

    /// Where it is, if it is there in this version: in `target/tools`, or where the person has installed it.
    fn program(self) -> anyhow::Result<Option<PathBuf>> {
        let own = folder()?.join("bin").join(self.name());
        let theirs = PathBuf::from(self.name());
        Ok([own, theirs]
            .into_iter()
            .find(|program| self.is_this_version(program)))
    }

    fn is_this_version(self, program: &Path) -> bool {
        let said = Command::new(program).arg("--version").output();
        let said = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
        said.is_ok_and(|said| said.split_whitespace().last() == Some(self.version()))
    }

    /// Builds it in `target/tools`. Unoptimised, which takes half as long; it runs for seconds.
    fn install(self, interrupt: &Interrupt) -> anyhow::Result<()> {
        println!("Building {} {} …", self.name(), self.version());
        let mut install = checkout::cargo(["install", "--quiet", "--locked", "--debug"]);
        install.args([self.name(), "--version", self.version(), "--root"]);
        install.arg(folder()?);
        // Deny without its own git and compression libraries: it fetches the database with the machine's git.
        if self == Self::Deny {
            install.arg("--no-default-features");
        }
        ensure!(
            process::run(&mut install, interrupt)?.success(),
            "cargo could not build {}: see its message above",
            self.name()
        );
        Ok(())
    }

    /// The tool's own command line, once it is installed.
    pub(crate) fn command(self) -> anyhow::Result<Command> {
        let program = self.program()?;
        let mut command = Command::new(
            program
                .with_context(|| format!("{} {} is not installed", self.name(), self.version()))?,
        );
        command.current_dir(checkout::root());
        Ok(command)
    }
}

/// Builds those of `tools` that are missing.
pub(crate) fn ensure(tools: &[Tool], interrupt: &Interrupt) -> anyhow::Result<()> {
    for tool in tools {
        if tool.program()?.is_none() {
            tool.install(interrupt)?;
        }
    }
    Ok(())
}

fn folder() -> anyhow::Result<PathBuf> {
    Ok(checkout::metadata()?.target_directory.join("tools"))
}
