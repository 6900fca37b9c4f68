//! The release that follows this one, for drills that put it in this one's place: a copy of the checkout with one more
//! migration and another style sheet.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, ensure};

use crate::{
    checkout::{self, shown},
    copy::{self, edit},
    process::{self, Interrupt},
};

const ASSET: &str = "crates/server/assets/app.css";
/// Beside the migration that is added.
const MIGRATION: &str = "migrations/orders/0001_catalogue.up.sql";

/// A table that every page reads, so that a migration which did not give way would be noticed.
const UP: &str = "ALTER TABLE orders.products ADD COLUMN next_release boolean;";
const DOWN: &str = "ALTER TABLE orders.products DROP COLUMN next_release;";

/// The program of that release.
pub(crate) struct NextRelease(PathBuf);

impl NextRelease {
    /// Tells a drill where it is.
    pub(crate) fn tell(&self, drill: &mut Command) {
        drill.env("NEXT_RELEASE", &self.0);
    }
}

/// Builds it; what has not changed since the last time is not built again.
pub(crate) fn build(interrupt: &Interrupt) -> anyhow::Result<NextRelease> {
    let metadata = checkout::metadata()?;
    let folder = metadata.target_directory.join("rehearsal/next-release");
    copy::make(&folder, &[ASSET, MIGRATION], interrupt)?;
    let migration = folder.join(MIGRATION);
    for (name, statement) in [("up", UP), ("down", DOWN)] {
        let file = migration.with_file_name(format!("9999_next_release.{name}.sql"));
        fs::write(&file, statement).with_context(|| format!("write {}", shown(&file)))?;
    }
    edit(&folder.join(ASSET), |css| {
        css.to_owned() + "\n/* the next release */\n"
    })?;

    // The same packages as the shop's own build, so that dependencies are built with the same features, once.
    let mut build = checkout::cargo(["build", "--bins", "-p", "server", "-p", "sandbox"]);
    build
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("CARGO_BUILD_BUILD_DIR", metadata.build_directory);
    ensure!(
        process::run(&mut build, interrupt)?.success(),
        "the next release does not build: see the compiler's messages above"
    );
    Ok(NextRelease(folder.join("target/debug/server")))
}
