//! What the server reads from its environment is written down.

use std::fs;

use tests::gates::settings::check;
use tests::gates::source::{Source, sources};

use super::graph::{House, root};
use crate::gates::{broken, told};

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn every_setting_stands_in_the_readme_and_nothing_else_does() {
    let findings = check(&sources(root(), &House::read(root()).served()), &readme());
    assert!(findings.is_empty(), "{}", told(&findings));
}

#[test]
fn a_setting_that_is_not_written_down_is_found_and_one_that_is_not_read_too() {
    let mut files = sources(root(), &House::read(root()).served());
    let code = "fn planted(read: &mut Reader) { read.raw(\"PLANTED_LIMIT\"); }";
    files.push(Source::planted("crates/server/src/config/planted.rs", code));
    let readme = readme().replace(
        "## Settings\n",
        "## Settings\n\n| `GONE_LIMIT` | nothing |\n",
    );
    let findings = check(&files, &readme);
    let broken: Vec<_> = broken(&findings)
        .into_iter()
        .map(|(rule, _)| rule)
        .collect();
    assert_eq!(
        broken,
        ["undocumented-setting", "stale-setting"],
        "{}",
        told(&findings)
    );
    assert!(told(&findings).contains("PLANTED_LIMIT is read"));
    assert!(told(&findings).contains("nothing reads GONE_LIMIT"));
}
