//! Comparing what was learnt about the queries with what is committed.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::Context;

use crate::checkout::shown;

/// The files of a `.sqlx` folder by name; there is one for each query.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A folder that is missing holds none.
pub(super) fn read(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.with_context(|| format!("list {}", shown(folder)))?;
        let content =
            fs::read(entry.path()).with_context(|| format!("read {}", shown(&entry.path())))?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), content);
    }
    Ok(files)
}

/// Makes a folder's content that of another, and leaves alone what is the same.
pub(super) fn replace(folder: &Path, with: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", shown(folder)))?;
    let (old, new) = (read(folder)?, read(with)?);
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        fs::remove_file(folder.join(name)).with_context(|| format!("remove {name}"))?;
    }
    for (name, content) in new
        .iter()
        .filter(|(name, content)| old.get(*name) != Some(*content))
    {
        fs::write(folder.join(name), content).with_context(|| format!("write {name}"))?;
    }
    Ok(())
}

/// How many files of a folder differ from what the database says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    missing: usize,
    changed: usize,
    superfluous: usize,
}

impl Difference {
    pub(super) fn between(live: &Files, committed: &Files) -> Self {
        let of_both = live
            .iter()
            .filter_map(|(name, live)| Some((live, committed.get(name)?)));
        let (both, changed) = of_both.fold((0, 0), |(both, changed), (live, committed)| {
            (both + 1, changed + usize::from(live != committed))
        });
        Self {
            missing: live.len() - both,
            changed,
            superfluous: committed.len() - both,
        }
    }

    pub(super) fn is_none(&self) -> bool {
        *self
            == Self {
                missing: 0,
                changed: 0,
                superfluous: 0,
            }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} new, {} changed, {} superfluous",
            self.missing, self.changed, self.superfluous
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries
            .iter()
            .map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn missing_changed_and_superfluous_files_are_told_apart() {
        let live = files(&[("same", "1"), ("changed", "2"), ("new", "3")]);
        let committed = files(&[
            ("same", "1"),
            ("changed", "0"),
            ("old", "4"),
            ("older", "5"),
        ]);
        let difference = Difference::between(&live, &committed);
        assert_eq!(
            difference,
            Difference {
                missing: 1,
                changed: 1,
                superfluous: 2
            }
        );
        assert!(Difference::between(&live, &live).is_none());
    }

    #[test]
    fn replacing_leaves_exactly_what_is_live() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        for (place, name) in [
            (&old, "gone.json"),
            (&old, "kept.json"),
            (&new, "kept.json"),
        ] {
            fs::create_dir_all(place).unwrap();
            fs::write(place.join(name), place.to_string_lossy().as_bytes()).unwrap();
        }
        replace(&old, &new).unwrap();
        assert_eq!(read(&old).unwrap(), read(&new).unwrap());
    }
}
