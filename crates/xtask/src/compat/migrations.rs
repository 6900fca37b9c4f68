//! This checkout's migrations beside the release's.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, ensure};

use crate::{
    checkout::{self, shown},
    process::{self, Interrupt},
};

const FOLDER: &str = "migrations";

/// Whether two checkouts make the same schema. How it would be undone is no matter of whoever runs on it.
pub(super) fn are_the_same(one: &Path, other: &Path) -> anyhow::Result<bool> {
    Ok(ups(one)? == ups(other)?)
}

/// Puts this checkout's migrations in the place of the copy's. Those that are there already keep their age, so that cargo
/// builds nothing again.
pub(super) fn lay_over(copy: &Path, interrupt: &Interrupt) -> anyhow::Result<()> {
    if are_the_same(copy, checkout::root())? {
        return Ok(());
    }
    let former = copy.join(FOLDER);
    fs::remove_dir_all(&former).with_context(|| format!("remove {}", shown(&former)))?;
    let mut lay = Command::new("cp");
    lay.arg("-R").arg(checkout::root().join(FOLDER)).arg(copy);
    ensure!(
        process::run(&mut lay, interrupt)?.success(),
        "the migrations could not be copied: see above"
    );
    Ok(())
}

/// What each module's migrations say, by `module/file`.
fn ups(checkout: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut ups = BTreeMap::new();
    let folder = checkout.join(FOLDER);
    for module in list(&folder)? {
        let path = folder.join(&module);
        if !path.is_dir() {
            continue;
        }
        for name in list(&path)? {
            if name.ends_with(".up.sql") {
                let said = fs::read(path.join(&name)).with_context(|| format!("read {name}"))?;
                ups.insert(format!("{module}/{name}"), said);
            }
        }
    }
    Ok(ups)
}

fn list(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("list {}", shown(folder)))?;
    entries
        .map(|entry| {
            let entry = entry.with_context(|| format!("list {}", shown(folder)))?;
            Ok(entry.file_name().to_string_lossy().into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_made_by_all_that_is_applied_and_by_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        let write = |checkout: &Path, file: &str, text: &str| {
            let path = checkout.join(FOLDER).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for checkout in [&one, &other] {
            write(checkout, "users/0001.up.sql", "CREATE");
            write(checkout, "README.md", &shown(checkout).to_string());
            write(
                checkout,
                "users/0001.down.sql",
                &shown(checkout).to_string(),
            );
        }
        assert!(are_the_same(&one, &other).unwrap());
        write(&other, "orders/0001.up.sql", "CREATE");
        assert!(!are_the_same(&one, &other).unwrap());
        write(&one, "orders/0001.up.sql", "create");
        assert!(!are_the_same(&one, &other).unwrap());
    }
}
