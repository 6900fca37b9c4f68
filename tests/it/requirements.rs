//! `docs/requirements.md` says which test shows what. This keeps it from saying more than there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(super) fn root() -> &'static Path {
    // Cargo starts a test in its package's folder.
    Path::new("..")
}

/// The names of all tests of the workspace that run.
pub(super) fn tests_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_in(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The functions whose attributes, on the lines above, make them a test that is not ignored.
fn tests_in(source: &str) -> Vec<String> {
    let mut tests = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in source.lines().map(str::trim) {
        is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        is_ignored |= line.starts_with("#[ignore");
        let signature = line.strip_prefix("async ").unwrap_or(line);
        if let Some((name, _)) = signature
            .strip_prefix("fn ")
            .and_then(|rest| rest.split_once('('))
        {
            if is_test && !is_ignored {
                tests.push(name.to_owned());
            }
            (is_test, is_ignored) = (false, false);
        }
    }
    tests
}

/// The steps of `cargo xtask test` that are no tests of cargo's: what a person would have to try by hand.
fn steps() -> Vec<String> {
    let source = fs::read_to_string(root().join("crates/xtask/src/test.rs")).unwrap();
    let (_, steps) = source.split_once("enum Step {").unwrap();
    let (steps, _) = steps.split_once('}').unwrap();
    let names = steps
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','));
    names
        .map(|name| format!("step {}", name.to_lowercase()))
        .collect()
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
    tests_below(&root().join("crates"), &mut names);
    tests_below(&root().join("tests"), &mut names);
    let drills = [tests::drills::all(), tests::drills::on_request()].concat();
    names.extend(drills.iter().map(|drill| format!("drill {}", drill.name)));
    names.extend(steps());
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

#[test]
fn only_tests_that_run_count() {
    let source = "fn a_helper() {}
        #[test]
        fn a_test() {}
        fn another_helper() {}
        // fn a_comment() {}
        #[tokio::test(start_paused = true)]
        #[expect(clippy::disallowed_methods, reason = \"it plants a fault\")]
        async fn a_test_that_waits() {}
        #[test]
        #[ignore]
        fn a_test_that_nobody_runs() {}";
    assert_eq!(tests_in(source), ["a_test", "a_test_that_waits"]);
}
