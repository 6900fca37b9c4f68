//! Noticing that a file of the programs changed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use crate::checkout;

/// Editors write in several steps and a checkout of another branch touches many files: nothing is built before the
/// files have stayed the same for so long.
const SETTLED: Duration = Duration::from_millis(300);

/// What is compiled into the programs. Other folders below are skipped: what starts with a dot, except the data of
/// checked queries, and the crate of these commands.
const ROOTS: [&str; 4] = ["crates", "migrations", "Cargo.toml", "Cargo.lock"];

type Snapshot = BTreeMap<PathBuf, (SystemTime, u64)>;

/// Compares files by age and length. Some hundred files take about a millisecond, which spares a dependency for each
/// system's own way to watch.
pub(super) struct Watch {
    root: PathBuf,
    built: Snapshot,
    changed: Option<(Snapshot, Instant)>,
}

impl Watch {
    /// Takes the files as they are now for built.
    pub(super) fn new() -> Self {
        Self::of(checkout::root())
    }

    fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            built: snapshot(root),
            changed: None,
        }
    }

    /// Whether files changed and came to rest since they were last taken for built, which they are from now on.
    pub(super) fn has_settled_change(&mut self) -> bool {
        self.has_change_settled_for(SETTLED)
    }

    fn has_change_settled_for(&mut self, rest: Duration) -> bool {
        let now = snapshot(&self.root);
        if now == self.built {
            self.changed = None;
            return false;
        }
        match &self.changed {
            Some((seen, since)) if *seen == now => {
                let settled = since.elapsed() >= rest;
                if settled {
                    self.built = now;
                    self.changed = None;
                }
                settled
            }
            _ => {
                self.changed = Some((now, Instant::now()));
                false
            }
        }
    }
}

fn snapshot(root: &Path) -> Snapshot {
    let mut files = Snapshot::new();
    for name in ROOTS {
        collect(&root.join(name), &mut files);
    }
    files
}

/// A file that vanishes meanwhile is a change like any other, so errors are left out.
fn collect(path: &Path, files: &mut Snapshot) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if (name.starts_with('.') && name != ".sqlx") || name.ends_with('~') || name == "xtask" {
        return;
    }
    let Ok(found) = fs::metadata(path) else {
        return;
    };
    if found.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), files);
        }
    } else if let Ok(modified) = found.modified() {
        files.insert(path.to_owned(), (modified, found.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["crates/orders/src", "crates/xtask/src", "migrations/orders"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("crates/orders/src/place.rs"), "a").unwrap();
        folder
    }

    fn change_after(write: impl Fn(&Path)) -> bool {
        let folder = checkout();
        let mut watch = Watch::of(folder.path());
        assert!(!watch.has_change_settled_for(Duration::ZERO));
        write(folder.path());
        // Seen at the first look, at rest at the second.
        assert!(!watch.has_change_settled_for(Duration::ZERO));
        watch.has_change_settled_for(Duration::ZERO)
    }

    #[test]
    fn an_edited_a_new_and_a_removed_file_are_changes() {
        assert!(change_after(|root| fs::write(
            root.join("crates/orders/src/place.rs"),
            "bb"
        )
        .unwrap()));
        assert!(change_after(|root| fs::write(
            root.join("migrations/orders/2.up.sql"),
            ""
        )
        .unwrap()));
        assert!(change_after(|root| fs::remove_file(
            root.join("crates/orders/src/place.rs")
        )
        .unwrap()));
    }

    #[test]
    fn what_is_not_compiled_in_is_no_change() {
        assert!(!change_after(|root| fs::write(
            root.join("crates/xtask/src/main.rs"),
            ""
        )
        .unwrap()));
        assert!(!change_after(|root| fs::write(
            root.join("crates/orders/src/.place.rs.swp"),
            ""
        )
        .unwrap()));
        assert!(!change_after(
            |root| fs::write(root.join("README.md"), "").unwrap()
        ));
    }

    #[test]
    fn files_that_still_change_are_waited_for() {
        let folder = checkout();
        let file = folder.path().join("crates/orders/src/place.rs");
        let mut watch = Watch::of(folder.path());
        for content in ["bb", "ccc", "dddd"] {
            fs::write(&file, content).unwrap();
            assert!(!watch.has_change_settled_for(Duration::ZERO));
        }
        assert!(!watch.has_change_settled_for(Duration::from_hours(1)));
        assert!(watch.has_change_settled_for(Duration::ZERO));
        assert!(!watch.has_change_settled_for(Duration::ZERO));
    }
}
