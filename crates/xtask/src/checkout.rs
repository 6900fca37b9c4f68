//! Where things stand in this checkout, and what cargo knows about it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, OnceLock},
};

use anyhow::{Context, ensure};
use serde::Deserialize;

/// The folder that holds the workspace's `Cargo.toml`, found as cargo finds the alias `xtask`: upwards from where the
/// person stands. A path kept from compile time would be another checkout's where two share a target folder.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let here = std::env::current_dir().expect("the current folder exists");
        let root = here
            .ancestors()
            .find(|folder| folder.join("crates/xtask/Cargo.toml").is_file());
        root.expect("the current folder lies in the checkout")
            .to_owned()
    });
    &ROOT
}

static DEV_FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Has this process leave everything in another folder than `.dev`.
pub(crate) fn use_dev_folder(folder: PathBuf) {
    // Said once, by the command line.
    DEV_FOLDER.set(folder).ok();
}

/// Everything that running here leaves behind; ignored by git, safe to delete while nothing runs.
pub(crate) fn dev_folder() -> PathBuf {
    DEV_FOLDER
        .get()
        .cloned()
        .unwrap_or_else(|| root().join(".dev"))
}

/// A path as a person at the root of the checkout would type it.
pub(crate) fn shown(path: &Path) -> std::path::Display<'_> {
    path.strip_prefix(root()).unwrap_or(path).display()
}

/// A number that tells this checkout from another one on the same machine.
pub(crate) fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    root().hash(&mut hasher);
    hasher.finish()
}

/// Cargo of the pinned toolchain: rustup hands the choice down to child processes.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(arguments);
    command
}

/// What `cargo metadata` says about the workspace itself.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) target_directory: PathBuf,
    /// Where cargo keeps what is only of use to itself.
    pub(crate) build_directory: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

impl Package {
    /// The crate's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(root())
    }

    /// Whether the crate names another one among its dependencies, of whatever kind.
    pub(crate) fn depends_on(&self, name: &str) -> bool {
        self.dependencies
            .iter()
            .any(|dependency| dependency.name == name)
    }
}

/// Asks cargo; nothing about the workspace is listed by hand.
pub(crate) fn metadata() -> anyhow::Result<Metadata> {
    let output = cargo(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    serde_json::from_slice(&output.stdout).context("read what cargo metadata printed")
}

/// This very program, to be run once more.
pub(crate) fn this_program() -> anyhow::Result<Command> {
    let file = std::env::current_exe().context("find this program's file")?;
    Ok(Command::new(file))
}
