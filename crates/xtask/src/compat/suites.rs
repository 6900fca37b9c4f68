//! What became of tests, as they print it.

use std::{fs, fs::File, path::Path, process::Command};

use anyhow::Context;

use crate::{
    checkout::shown,
    process::{self, Interrupt},
};

pub(super) struct Outcome {
    pub(super) succeeded: bool,
    /// How many passed.
    pub(super) passed: usize,
    /// The names of the others.
    pub(super) failed: Vec<String>,
}

/// Runs tests, prints what they say, and leaves it in `log`.
pub(super) fn run(
    tests: &mut Command,
    log: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let file = File::create(log).with_context(|| format!("write {}", shown(log)))?;
    let succeeded = process::run(tests.stdout(file), interrupt)?.success();
    let said = fs::read(log).with_context(|| format!("read {}", shown(log)))?;
    let said = String::from_utf8_lossy(&said);
    println!("{said}");
    Ok(Outcome {
        succeeded,
        passed: said.lines().filter_map(passed).sum(),
        failed: failed(&said),
    })
}

/// `test result: ok. 153 passed; …`
fn passed(line: &str) -> Option<usize> {
    let (_, counted) = line.strip_prefix("test result: ")?.split_once(". ")?;
    counted.split_once(" passed")?.0.parse().ok()
}

/// The names that stand before each bad result. What the tests themselves have printed stands above them.
fn failed(said: &str) -> Vec<String> {
    let mut suites: Vec<_> = said.split("\ntest result: FAILED").collect();
    // Behind the last bad result.
    suites.pop();
    let lists = suites
        .into_iter()
        .filter_map(|suite| Some(suite.rsplit_once("\nfailures:\n")?.1));
    let names = lists
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("    "));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "
running 3 tests
..F
failures:

---- orders::tests::a_cart_is_sold stdout ----
thread 'orders::tests::a_cart_is_sold' panicked at src/tests.rs:1:1:
    no name

failures:
    orders::tests::a_cart_is_sold

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.16s


running 4 tests
....
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.36s


running 2 tests
FF
failures:
    users::a
    users::b

test result: FAILED. 0 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.16s
";

    fn shell(script: &str) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let interrupt = Interrupt::listen().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", SAID]);
        run(&mut shell, &folder.path().join("log"), &interrupt).unwrap()
    }

    #[test]
    fn each_test_that_failed_is_known_by_its_name() {
        let outcome = shell(r#"echo "$1"; exit 101"#);
        let failed = ["orders::tests::a_cart_is_sold", "users::a", "users::b"];
        assert!(!outcome.succeeded);
        assert_eq!(outcome.passed, 6);
        assert_eq!(outcome.failed, failed);
    }

    #[test]
    fn what_does_not_build_has_no_tests_that_failed() {
        let outcome = shell("echo error; exit 101");
        let nothing = (outcome.succeeded, outcome.passed, outcome.failed.len());
        assert_eq!(nothing, (false, 0, 0));
    }
}
