//! `docs/dependencies-down.md` says what people see while something is slow, failing or gone. Each of its cells names the
//! tests that show it, and everything that the shop depends on has its row.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::requirements::{root, tests_below};

/// What is called without [`platform::outbound`]'s guard, whose names are read from the source: the database has its pool,
/// and the error tracker its own thread.
const WITHOUT_GUARD: [&str; 2] = ["postgresql", "sentry"];

/// The names of the guards and of the partners behind HTTP.
fn guarded(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if stem.ends_with("tests") || stem == "testing" {
            continue;
        }
        if path.is_dir() {
            guarded(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for call in ["Guard::new(", ".dependency("] {
                for arguments in code.split(call).skip(1) {
                    let name = arguments.trim_start().strip_prefix('"');
                    names.extend(name.and_then(|name| Some(name.split_once('"')?.0.to_owned())));
                }
            }
        }
    }
}

/// The table's rows, without its head: the dependency, and the cells.
fn rows() -> Vec<(String, Vec<String>)> {
    let document = fs::read_to_string(root().join("docs/dependencies-down.md")).unwrap();
    let lines = document.lines().filter(|line| line.starts_with("| `"));
    let rows = lines.map(|line| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let name = cells.next().unwrap().trim_matches('`').to_owned();
        (name, cells.map(str::to_owned).collect())
    });
    rows.collect()
}

#[test]
fn everything_that_the_shop_depends_on_has_its_row() {
    let mut dependencies = BTreeSet::new();
    for member in fs::read_dir(root().join("crates")).unwrap() {
        guarded(&member.unwrap().path().join("src"), &mut dependencies);
    }
    assert!(dependencies.len() >= 4, "only {dependencies:?} were found");
    dependencies.extend(WITHOUT_GUARD.map(str::to_owned));
    let rows: Vec<_> = rows().into_iter().map(|(name, _)| name).collect();
    let documented: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(documented, dependencies);
    assert_eq!(documented.len(), rows.len(), "a dependency stands twice");
}

#[test]
fn every_cell_says_what_is_seen_and_names_tests_that_exist() {
    let mut names = BTreeSet::new();
    tests_below(&root().join("crates"), &mut names);
    tests_below(&root().join("tests"), &mut names);
    for (dependency, cells) in rows() {
        assert_eq!(cells.len(), 3, "{dependency}: slow, failing, gone");
        for cell in cells {
            let (words, tests) = cell.split_once('`').unwrap_or((&cell, ""));
            assert!(words.trim().len() > 20, "{dependency}: {cell} says nothing");
            let tests: Vec<_> = tests.split('`').step_by(2).collect();
            for test in tests {
                assert!(
                    names.contains(test),
                    "{dependency}: there is no test `{test}`"
                );
            }
        }
    }
}
