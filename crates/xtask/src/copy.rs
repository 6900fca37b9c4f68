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

/// Which commit a copy is of.
const COMMIT: &str = ".copied-commit";

/// Copies the checkout; the folder's name says what for. Files keep their age, so that cargo builds no more than it must:
/// only `changed`, which the last user of the copy changed, looks new.
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
    let purpose = folder.file_name().unwrap_or_default().to_string_lossy();
    set_apart(folder, &purpose)?;
    let mut lock = checkout::cargo(["update", "--workspace", "--offline", "--quiet"]);
    let locked = process::run(lock.current_dir(folder), interrupt)?.success();
    ensure!(
        locked,
        "the copy's Cargo.lock could not be written: see above"
    );
    changed
        .iter()
        .try_for_each(|changed| touch(&folder.join(changed)))
}

/// Copies a commit, unless `folder` holds it already: what is as old as before is not built again. All else looks new, since
/// a commit may be older than what was built of another. `mark` tells its crates from those of other copies.
pub(crate) fn of_commit(
    commit: &str,
    folder: &Path,
    mark: &str,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let note = folder.join(COMMIT);
    if fs::read_to_string(&note).is_ok_and(|noted| noted == commit) {
        return Ok(());
    }
    fs::remove_dir_all(folder).ok();
    fs::create_dir_all(folder).with_context(|| format!("create {}", shown(folder)))?;
    let archive = folder.join("commit.tar");
    let mut pack = Command::new("git");
    pack.current_dir(checkout::root())
        .args(["archive", "--format", "tar", "--output"])
        .arg(&archive)
        .arg(commit);
    let mut unpack = Command::new("tar");
    unpack.arg("-xmf").arg(&archive).arg("-C").arg(folder);
    let copied = process::run(&mut pack, interrupt)?.success()
        && process::run(&mut unpack, interrupt)?.success();
    ensure!(copied, "the commit {commit} could not be copied: see above");
    fs::remove_file(&archive).with_context(|| format!("remove {}", shown(&archive)))?;
    set_apart(folder, mark)?;
    fs::write(&note, commit).with_context(|| format!("write {}", shown(&note)))
}

/// Gives the copy's crates another version. Cargo tells two checkouts' crates apart by nothing else, and would build the
/// developer's anew after each rehearsal.
fn set_apart(folder: &Path, mark: &str) -> anyhow::Result<()> {
    let version = "\nversion = \"";
    edit(&folder.join("Cargo.toml"), |manifest| {
        manifest.replacen(version, &format!("{version}0.0.0-{mark}."), 1)
    })
}

/// Cargo for the copy.
pub(crate) fn cargo<const N: usize>(
    folder: &Path,
    arguments: [&str; N],
) -> anyhow::Result<Command> {
    let mut command = checkout::cargo(arguments);
    at(folder, &mut command)?;
    Ok(command)
}

/// This program for the copy: all that it starts is built and run there.
pub(crate) fn xtask(folder: &Path) -> anyhow::Result<Command> {
    let mut command = this_program()?;
    at(folder, &mut command)?;
    Ok(command)
}

fn at(folder: &Path, command: &mut Command) -> anyhow::Result<()> {
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        // Dependencies are the checkout's own. Programs are not put where its shop runs them from.
        .env(
            "CARGO_BUILD_BUILD_DIR",
            checkout::metadata()?.build_directory,
        );
    Ok(())
}

pub(crate) fn edit(file: &Path, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
    let before = fs::read_to_string(file).with_context(|| format!("read {}", shown(file)))?;
    let after = change(&before);
    ensure!(after != before, "{} was not changed", shown(file));
    fs::write(file, after).with_context(|| format!("write {}", shown(file)))
}
