//! axe-core, with which the browser's journey looks at pages: fetched, because nobody else's source belongs into the
//! checkout.

use std::{fs, process::Command};

use anyhow::{Context, ensure};

use crate::{
    checkout,
    process::{self, Interrupt},
};

const LOCK: &str = "package-lock.json";

/// Has npm put what `tests/axe` names into `target/axe`. What is there already is not fetched again.
pub(super) fn fetch(interrupt: &Interrupt) -> anyhow::Result<()> {
    let wanted = checkout::root().join("tests/axe");
    let folder = checkout::metadata()?.target_directory.join("axe");
    let lock = fs::read(wanted.join(LOCK)).context("read tests/axe/package-lock.json")?;
    // Written when npm is done, so that a fetch which was broken off is begun again.
    let fetched = folder.join("fetched.json");
    if fs::read(&fetched).is_ok_and(|known| known == lock) {
        return Ok(());
    }
    fs::create_dir_all(&folder).context("make target/axe")?;
    for file in ["package.json", LOCK] {
        fs::copy(wanted.join(file), folder.join(file)).context("copy to target/axe")?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(&folder);
    // It refuses whatever does not have the lock file's hash, and runs nothing of what it has fetched.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let ended = process::run(&mut npm, interrupt)?;
    ensure!(
        ended.success(),
        "npm could not fetch axe-core: see its message above"
    );
    fs::write(&fetched, lock).context("note that axe-core is there")
}
