//! A copy of the checkout, in which files can be changed that nobody else watches or edits, built without building its
//! dependencies again.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, ensure};

use crate::{
    checkout::{self, shown, this_program},
    prepare::touch,
    process::{self, Interrupt},
};

/// What the programs are built and started from.
const COPIED: [&str; 8] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "crates",
    "deploy",
    "migrations",
    "rust-toolchain.toml",
    "tests",
];

/// Copies the checkout. Files keep their age, so that cargo builds no more than it must: only `changed`, which the last
/// rehearsal changed, looks new.
pub(crate) fn make(folder: &Path, changed: &[&str], interrupt: &Interrupt) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", shown(folder)))?;
    for name in COPIED {
        let former = folder.join(name);
        fs::remove_dir_all(&former)
            .or_else(|_| fs::remove_file(&former))
            .ok();
    }
    let mut copy = Command::new("cp");
    copy.arg("-a")
        .args(COPIED.map(|name| checkout::root().join(name)))
        .arg(folder);
    let copied = process::run(&mut copy, interrupt)?.success();
    ensure!(copied, "the checkout could not be copied: see above");
    set_apart(folder, interrupt)?;
    changed
        .iter()
        .try_for_each(|changed| touch(&folder.join(changed)))
}

/// Gives the copy's crates another version. Cargo tells two checkouts' crates apart by nothing else, and would build the
/// developer's anew after each rehearsal.
fn set_apart(folder: &Path, interrupt: &Interrupt) -> anyhow::Result<()> {
    let version = "\nversion = \"";
    edit(&folder.join("Cargo.toml"), |manifest| {
        manifest.replacen(version, &format!("{version}0.0.0-rehearsal."), 1)
    })?;
    let mut lock = checkout::cargo(["update", "--workspace", "--offline", "--quiet"]);
    let locked = process::run(lock.current_dir(folder), interrupt)?.success();
    ensure!(
        locked,
        "the copy's Cargo.lock could not be written: see above"
    );
    Ok(())
}

/// This program for the copy: all that it starts is built and run there.
pub(crate) fn xtask(folder: &Path) -> anyhow::Result<Command> {
    let mut command = this_program()?;
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        // Dependencies are the checkout's own. Programs are not put where its shop runs them from.
        .env(
            "CARGO_BUILD_BUILD_DIR",
            checkout::metadata()?.build_directory,
        );
    Ok(command)
}

pub(crate) fn edit(file: &Path, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
    let before = fs::read_to_string(file).with_context(|| format!("read {}", shown(file)))?;
    let after = change(&before);
    ensure!(after != before, "{} was not changed", shown(file));
    fs::write(file, after).with_context(|| format!("write {}", shown(file)))
}
