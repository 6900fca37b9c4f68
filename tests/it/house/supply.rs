//! What the dependencies bring along: licences, origins, what is banned, what nobody uses, and what the server is made of.
//!
//! The tools are other people's and are built once into `target/tools`: `cargo xtask gates supply` does so.

mod deny;
mod sbom;
mod unused;
mod workflow;

use std::path::{Path, PathBuf};
use std::process::Command;

use super::scratch::target;

/// What a program said on either way out, when it refused.
pub(super) fn refusal(command: &mut Command) -> Option<String> {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (!output.status.success()).then_some(said)
}

/// A tool that `cargo xtask gates supply` has built, or the machine's.
fn tool(name: &str) -> PathBuf {
    let built = target().join("tools/bin").join(name);
    let found = [built, name.into()]
        .into_iter()
        .find(|program| Command::new(program).arg("--version").output().is_ok());
    found.unwrap_or_else(|| panic!("{name} is not installed: run `cargo xtask gates supply` once"))
}

/// The workspace's own folder.
pub(super) fn root() -> PathBuf {
    Path::new("..").canonicalize().unwrap()
}
