//! A copy of the workspace for faults to be planted in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of the sources below the target folder, so that what the tests built is built only once.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Self {
        let root = Path::new("..");
        let scratch = target().join("planted").join(name);
        if scratch.exists() {
            fs::remove_dir_all(&scratch).unwrap();
        }
        fs::create_dir_all(&scratch).unwrap();
        for entry in [
            "Cargo.toml",
            "Cargo.lock",
            "crates",
            "migrations",
            "tests",
            ".cargo",
        ] {
            copy(&root.join(entry), &scratch.join(entry));
        }
        Self(scratch)
    }

    /// Adds `source` to the end of a file.
    pub(super) fn plant(&self, file: &str, source: &str) {
        let path = self.0.join(file);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{before}\n{source}\n")).unwrap();
    }

    /// Adds a line to a section of a manifest, which is there or not.
    pub(super) fn plant_in_section(&self, manifest: &str, section: &str, line: &str) {
        let path = self.0.join(manifest);
        let before = fs::read_to_string(&path).unwrap();
        let head = format!("[{section}]");
        let after = if before.contains(&head) {
            before.replace(&head, &format!("{head}\n{line}"))
        } else {
            format!("{before}\n{head}\n{line}\n")
        };
        fs::write(path, after).unwrap();
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Compiles `package` with its queries checked at `database_url`; gives what the compiler said when it refused.
    pub(super) fn check(&self, package: &str, database_url: &str) -> Result<(), String> {
        let variable = format!("{}_CHECK_DATABASE_URL", package.to_uppercase());
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--package", package])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", target())
            .env(variable, database_url)
            .env("SQLX_OFFLINE", "false")
            .output()
            .unwrap();
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The folder that everything is built into.
pub(super) fn target() -> PathBuf {
    let test_binary = std::env::current_exe().unwrap();
    let profile = test_binary.ancestors().nth(2).unwrap();
    profile.parent().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}
