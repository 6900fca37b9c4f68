//! What the product is deployed with, as the linters of other people's see it, and what they cannot know of it.
//!
//! `cargo xtask test deploy` installs the linters, and says so where one cannot be had: then nobody has looked, and what is
//! here passes.

mod caddy;
mod compose;
mod dockerfile;
mod rules;
mod scripts;
mod systemd;
mod terraform;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::scratch::target;
use super::supply::{refusal, root};

/// A linter, if it is here: `argument` is what it says its version to.
fn linter(name: &str, argument: &str) -> Option<Command> {
    let own = target().join("tools").join(name).join("bin").join(name);
    let programs = [own, PathBuf::from(name)];
    let here = programs
        .into_iter()
        .find(|program| Command::new(program).arg(argument).output().is_ok());
    let mut command = Command::new(here?);
    command.current_dir(root());
    Some(command)
}

/// A file of the checkout.
fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// A folder that holds one file, with `fault` planted in place of `sound`.
fn planted(file: &str, sound: &str, fault: &str) -> (TempDir, PathBuf) {
    let text = read(file);
    assert!(text.contains(sound), "{file} does not say {sound:?}");
    let folder = tempfile::tempdir().unwrap();
    let name = Path::new(file).file_name().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text.replacen(sound, fault, 1)).unwrap();
    (folder, path)
}

/// The files of the checkout below `folder` that git knows or would know, by their paths.
fn files(folder: &str) -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .args(["--", folder])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let files = listed.lines().filter(|file| root().join(file).is_file());
    files.map(str::to_owned).collect()
}
