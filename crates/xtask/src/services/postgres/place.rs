//! Where the files of a private cluster lie.

use std::{
    fs,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use super::Account;
use crate::checkout::{self, shown};

/// Where the cluster's files lie.
///
/// The server's own user may not be let into the checkout, as below root's home. Then they lie in `/var/tmp`, which
/// survives a reboot, and a file in the checkout names the place.
pub(super) fn data_folder(home: &Path, account: Option<Account>) -> anyhow::Result<PathBuf> {
    if let Some(elsewhere) = elsewhere(home) {
        return Ok(elsewhere.join("data"));
    }
    let folder = home.join("postgres");
    let Some(account) = account else {
        create_private(&folder)?;
        return Ok(folder.join("data"));
    };
    create_owned(&folder, account)?;
    if can_write(&folder, account) {
        return Ok(folder.join("data"));
    }
    let purpose = home.file_name().unwrap_or_default().to_string_lossy();
    let elsewhere = PathBuf::from(format!(
        "/var/tmp/postgres-{}-{:016x}",
        purpose.trim_start_matches('.'),
        checkout::fingerprint()
    ));
    create_owned(&elsewhere, account)?;
    ensure!(
        can_write(&elsewhere, account),
        "the user `postgres` can write neither to {} nor to {}: move the checkout to a folder that it can enter",
        shown(&folder),
        elsewhere.display()
    );
    fs::write(
        folder.join("elsewhere"),
        elsewhere.to_string_lossy().as_bytes(),
    )
    .context("note the place of the data folder")?;
    Ok(elsewhere.join("data"))
}

/// Whether a cluster of this checkout may be running. Needs no installed programs, so that a folder which none of them
/// can read may still be deleted.
pub(crate) fn may_run(home: &Path) -> bool {
    folder(home).join("data/postmaster.pid").exists()
}

/// Where the files of a cluster lie that was made before.
pub(crate) fn folder(home: &Path) -> PathBuf {
    elsewhere(home).unwrap_or_else(|| home.join("postgres"))
}

fn elsewhere(home: &Path) -> Option<PathBuf> {
    let place = fs::read_to_string(home.join("postgres/elsewhere")).ok()?;
    Some(PathBuf::from(place.trim()))
}

fn create_private(folder: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("create {}", shown(folder)))
}

fn create_owned(folder: &Path, account: Account) -> anyhow::Result<()> {
    create_private(folder)?;
    let found = fs::symlink_metadata(folder).context("look at the data folder")?;
    // In a folder where everybody may write, somebody else may have been first.
    ensure!(
        found.is_dir() && (found.uid() == account.uid || found.uid() == 0),
        "{} belongs to somebody else: remove it",
        folder.display()
    );
    chown(folder, Some(account.uid), Some(account.gid))
        .with_context(|| format!("hand {} to the user postgres", shown(folder)))
}

fn can_write(folder: &Path, account: Account) -> bool {
    let mut test = Command::new("test");
    test.arg("-w").arg(folder).current_dir("/");
    test.uid(account.uid).gid(account.gid);
    test.status().is_ok_and(|status| status.success())
}

pub(super) fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("delete {}", shown(folder)))
        }
        _ => Ok(()),
    }
}

/// Deletes a cluster that does not run.
pub(crate) fn erase(home: &Path) -> anyhow::Result<()> {
    if let Some(elsewhere) = elsewhere(home) {
        remove_folder(&elsewhere)?;
    }
    remove_folder(&home.join("postgres"))
}
