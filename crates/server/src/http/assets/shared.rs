//! A folder of assets that the proxy serves: a page that was loaded before a release keeps its style sheet and scripts, and
//! so does one that a process of the one release renders and another answers for.
//!
//! Each release adds its own files and lists them in `.releases/{name}`. What no release that is kept lists is deleted, and
//! nothing that nobody has listed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;

use super::ASSETS;

/// What can be done with the folder.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Write this program's assets there, compressed as well, before anybody is sent to this release
    Add {
        /// What the proxy serves as /assets
        folder: PathBuf,
        /// What the release is called
        release: String,
    },
    /// Delete what none of these releases has added
    Prune {
        /// What the proxy serves as /assets
        folder: PathBuf,
        /// The releases whose pages people may still have open
        #[arg(required = true)]
        releases: Vec<String>,
    },
}

/// Does it, and says what was done.
///
/// # Errors
/// If the folder cannot be read or written; what was there is still there.
pub fn look_after(action: &Action) -> anyhow::Result<String> {
    match action {
        Action::Add { folder, release } => {
            let files = files();
            add(folder, release, &files)?;
            Ok(format!("{} files of {release} are there.", files.len()))
        }
        Action::Prune { folder, releases } => {
            let deleted = prune(folder, releases)?;
            Ok(format!("{deleted} files were deleted."))
        }
    }
}

/// This program's assets under the names that the proxy looks for.
fn files() -> BTreeMap<String, &'static [u8]> {
    let mut files = BTreeMap::new();
    for (name, asset) in &ASSETS.by_hashed_name {
        let file = asset.file;
        files.insert(name.clone(), file.content);
        for (ending, encoded) in [("br", file.brotli), ("gz", file.gzip)] {
            if let Some(encoded) = encoded {
                files.insert(format!("{name}.{ending}"), encoded);
            }
        }
    }
    files
}

/// The list comes first: whatever is cut off after it, no file is left that nobody lists.
fn add(folder: &Path, release: &str, files: &BTreeMap<String, &[u8]>) -> anyhow::Result<()> {
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    put(&list_of(folder, release), names.join("\n").as_bytes())?;
    files
        .iter()
        .try_for_each(|(name, content)| put(&folder.join(name), content))
}

/// Deletes files before the list that names them, so that whatever is cut off is done by the next call.
fn prune(folder: &Path, kept: &[String]) -> anyhow::Result<usize> {
    let mut named = BTreeSet::new();
    for release in kept {
        named.extend(read_list(&list_of(folder, release))?);
    }
    let lists = folder.join(LISTS);
    let mut deleted = 0;
    for entry in fs::read_dir(&lists).with_context(|| format!("read {}", lists.display()))? {
        let list = entry.context("read the list of releases")?.path();
        if kept.iter().any(|release| list.ends_with(release)) {
            continue;
        }
        for name in read_list(&list)?.difference(&named) {
            deleted += usize::from(delete(&folder.join(name))?);
        }
        delete(&list)?;
    }
    Ok(deleted)
}

/// Hidden from whoever asks the proxy.
const LISTS: &str = ".releases";

fn list_of(folder: &Path, release: &str) -> PathBuf {
    folder.join(LISTS).join(release)
}

fn read_list(list: &Path) -> anyhow::Result<BTreeSet<String>> {
    let names = fs::read_to_string(list).with_context(|| format!("read {}", list.display()))?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Whole or not at all: the proxy may read it at any moment. What is there already stays as old as it is, because proxies
/// make entity tags of a file's age.
fn put(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    if fs::read(file).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let partial = file.with_added_extension("partial");
    let written = file
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&partial, content))
        .and_then(|()| fs::rename(&partial, file));
    written.with_context(|| format!("write {}", file.display()))
}

/// Whether it was there.
fn delete(file: &Path) -> anyhow::Result<bool> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("delete {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(folder: &Path, name: &str, files: &[&str]) {
        let files = files
            .iter()
            .map(|file| ((*file).to_owned(), file.as_bytes()));
        add(folder, name, &files.collect()).unwrap();
    }

    fn keep(folder: &Path, releases: &[&str]) -> usize {
        let releases: Vec<_> = releases.iter().map(|&name| name.to_owned()).collect();
        prune(folder, &releases).unwrap()
    }

    fn there(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != LISTS).collect();
        names.sort();
        names
    }

    #[test]
    fn every_asset_is_there_under_the_name_that_pages_say_and_compressed() {
        let folder = tempfile::tempdir().unwrap();
        add(folder.path(), "one", &files()).unwrap();
        let address = super::super::address("app.css");
        let name = address.strip_prefix("/assets/").unwrap();
        for ending in ["", ".br", ".gz"] {
            let file = folder.path().join(format!("{name}{ending}"));
            assert!(file.exists(), "{}", file.display());
        }
        assert_eq!(there(folder.path()).len(), files().len());
    }

    #[test]
    fn what_a_kept_release_lists_stays_whoever_lists_it_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        release(folder, "one", &["old.css", "same.js"]);
        release(folder, "two", &["new.css", "same.js"]);
        assert_eq!(keep(folder, &["one", "two"]), 0);
        assert_eq!(keep(folder, &["two"]), 1);
        assert_eq!(there(folder), ["new.css", "same.js"]);
    }

    #[test]
    fn what_nobody_has_listed_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("somebody's"), "").unwrap();
        release(folder, "one", &["old.css"]);
        release(folder, "two", &["new.css"]);
        keep(folder, &["two"]);
        assert_eq!(there(folder), ["new.css", "somebody's"]);
    }

    #[test]
    fn nothing_is_deleted_while_it_is_unknown_what_a_kept_release_needs() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        release(folder, "one", &["old.css"]);
        prune(folder, &["unheard of".to_owned()]).unwrap_err();
        assert_eq!(there(folder), ["old.css"]);
    }

    #[test]
    fn what_was_cut_off_half_way_is_deleted_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        release(folder, "one", &["old.css", "old.js"]);
        release(folder, "two", &["new.css"]);
        fs::remove_file(folder.join("old.css")).unwrap();
        assert_eq!(keep(folder, &["two"]), 1);
        assert_eq!(there(folder), ["new.css"]);
        assert_eq!(keep(folder, &["two"]), 0);
    }

    #[test]
    fn a_file_that_is_there_already_does_not_look_new() {
        let folder = tempfile::tempdir().unwrap();
        let age = || {
            let file = fs::metadata(folder.path().join("same.js")).unwrap();
            file.modified().unwrap()
        };
        release(folder.path(), "one", &["same.js"]);
        let first = age();
        release(folder.path(), "two", &["same.js"]);
        assert_eq!(age(), first);
    }
}
