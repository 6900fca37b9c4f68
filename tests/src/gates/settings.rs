//! Every setting that the server reads stands in the README's table, and the other way round.

use std::collections::BTreeMap;

use super::source::Source;
use super::{Finding, Rule};

static UNDOCUMENTED: Rule = Rule {
    name: "undocumented-setting",
    why: "Whoever runs the product turns growth steps on by settings: one that is not written down is not turned on.",
    fix: "Give it a row in the README's chapter Settings: what it is, its unit, what holds without it.",
    waive: "Not at all.",
};

static STALE: Rule = Rule {
    name: "stale-setting",
    why: "Somebody sets it, and nothing happens.",
    fix: "Delete it from the README's chapter Settings, or read it in crates/server/src/config.",
    waive: "Not at all.",
};

/// What is read without being written down in `readme`, and what is written down without being read.
#[must_use]
pub fn check(sources: &[Source], readme: &str) -> Vec<Finding> {
    let mut read = BTreeMap::new();
    for source in sources {
        if source.path.contains("server/src/config") {
            for (line, text) in source.texts().filter(|(_, text)| is_variable(text)) {
                read.entry(text)
                    .or_insert(format!("{}:{line}", source.path));
            }
        }
    }
    // Set by cargo when the binary is built.
    read.remove("CARGO_PKG_VERSION");
    let documented: BTreeMap<_, _> = rows(readme).collect();
    let undocumented = read
        .iter()
        .filter(|(name, _)| !documented.contains_key(*name));
    let stale = documented
        .iter()
        .filter(|(name, _)| !read.contains_key(*name));
    undocumented
        .map(|(name, place)| UNDOCUMENTED.broken(place, format!("{name} is read")))
        .chain(stale.map(|(name, line)| {
            STALE.broken(format!("README.md:{line}"), format!("nothing reads {name}"))
        }))
        .collect()
}

/// The variables of the first cells of the table below `## Settings`, with their lines.
fn rows(readme: &str) -> impl Iterator<Item = (&str, usize)> {
    let lines = readme.lines().enumerate();
    let chapter = lines
        .skip_while(|(_, line)| *line != "## Settings")
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "));
    chapter
        .filter_map(|(index, line)| {
            Some((index + 1, line.strip_prefix("| ")?.split(" | ").next()?))
        })
        .flat_map(|(number, cell)| {
            let names = cell.split('`').skip(1).step_by(2);
            names.map(move |name| (name, number))
        })
}

fn is_variable(text: &str) -> bool {
    text.len() > 3
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .chars()
            .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_')
}
