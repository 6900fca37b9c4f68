//! The versions of PostgreSQL on this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;

use crate::checkout::shown;

/// The oldest version that the migrations are written for.
const OLDEST: u32 = 15;

/// One version's programs on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    pub(super) binaries: PathBuf,
    major: u32,
}

impl Installation {
    /// The newest one that is new enough.
    pub(crate) fn newest() -> Option<Self> {
        Self::all().into_iter().max_by_key(|found| found.major)
    }

    /// Debian and the version-numbered packages of others put the server's programs beside the `PATH`.
    pub(super) fn all() -> Vec<Self> {
        let parents = [
            ("/usr/lib/postgresql", ""),
            ("/usr", "pgsql-"),
            ("/opt/homebrew/opt", "postgresql"),
            ("/usr/local/opt", "postgresql"),
        ];
        let numbered = parents.into_iter().flat_map(|(parent, prefix)| {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            entries
                .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
                .map(|entry| entry.path().join("bin"))
        });
        numbered
            .chain(on_path())
            .filter_map(Self::in_folder)
            .filter(|found| found.major >= OLDEST)
            .collect()
    }

    fn in_folder(binaries: PathBuf) -> Option<Self> {
        if !binaries.join("initdb").exists() || !binaries.join("psql").exists() {
            return None;
        }
        let version = Command::new(binaries.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let major = major(&String::from_utf8_lossy(&version.stdout))?;
        Some(Self { binaries, major })
    }
}

fn on_path() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// The major version in `postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)` or in `PG_VERSION`.
fn major(version: &str) -> Option<u32> {
    let number = version
        .rsplit_once("PostgreSQL) ")
        .map_or(version, |(_, rest)| rest);
    let digits = number
        .trim()
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?;
    digits.parse().ok()
}

/// The programs that can read the data folder.
pub(super) fn fit_for(data: &Path, installed: Vec<Installation>) -> anyhow::Result<Installation> {
    let newest = installed.iter().max_by_key(|found| found.major).cloned();
    let newest = newest.context("PostgreSQL 15 or newer is not installed")?;
    let Ok(version) = fs::read_to_string(data.join("PG_VERSION")) else {
        return Ok(newest);
    };
    let made_by = major(&version);
    installed
        .into_iter()
        .find(|found| Some(found.major) == made_by)
        .with_context(|| {
            format!(
                "{} was made by PostgreSQL {}, but {} is installed: \
                 install the older one again, or make the demo data anew with `cargo xtask dev --reset`",
                shown(data),
                version.trim(),
                newest.major
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<Installation> {
        majors
            .iter()
            .map(|&major| Installation {
                binaries: PathBuf::new(),
                major,
            })
            .collect()
    }

    #[test]
    fn the_major_version_is_read_from_what_the_programs_and_the_data_folder_say() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("17\n"), Some(17));
        assert_eq!(major("nothing"), None);
    }

    #[test]
    fn a_new_cluster_is_made_by_the_newest_version() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = fit_for(folder.path(), installed(&[15, 17, 16])).unwrap();
        assert_eq!(chosen.major, 17);
    }

    #[test]
    fn an_old_cluster_is_run_by_its_own_version_while_that_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("PG_VERSION"), "15\n").unwrap();
        let chosen = fit_for(folder.path(), installed(&[15, 17])).unwrap();
        assert_eq!(chosen.major, 15);
    }

    #[test]
    fn a_stale_data_folder_is_named_together_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("PG_VERSION"), "14\n").unwrap();
        let error = fit_for(folder.path(), installed(&[17]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("made by PostgreSQL 14"), "{error}");
        assert!(error.contains("`cargo xtask dev --reset`"), "{error}");
    }
}
