//! `docs/requirements.md` says which test shows what. This keeps it from saying more than there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    // Cargo starts a test in its package's folder.
    Path::new("..")
}

/// The names of all functions of the workspace.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            names.extend(source.split("fn ").skip(1).map(|rest| {
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect::<String>()
            }));
        }
    }
}

struct Row {
    id: String,
    state: String,
    tests: Vec<String>,
}

fn rows() -> Vec<Row> {
    let document = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    document
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| id"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            Row {
                id: cells[0].to_owned(),
                state: cells[1].to_owned(),
                tests: cells[2]
                    .split('`')
                    .skip(1)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect(),
            }
        })
        .collect()
}

#[test]
fn every_test_that_the_requirements_name_exists() {
    let mut names = BTreeSet::new();
    functions(&root().join("crates"), &mut names);
    functions(&root().join("tests"), &mut names);
    for row in rows() {
        for test in &row.tests {
            assert!(
                names.contains(test),
                "{}: there is no test `{test}`",
                row.id
            );
        }
    }
}

#[test]
fn every_requirement_is_listed_once_with_an_honest_state() {
    let rows = rows();
    assert!(rows.len() > 90, "only {} rows were read", rows.len());
    let ids: BTreeSet<_> = rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands twice");
    for row in &rows {
        let named = !row.tests.is_empty();
        match row.state.as_str() {
            "done" | "part" => assert!(named, "{} names no test", row.id),
            "later" => assert!(!named, "{} names a test: it is at least part", row.id),
            other => panic!("{}: unknown state {other}", row.id),
        }
    }
}
