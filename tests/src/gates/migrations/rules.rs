//! The rules, each with its document: why, what to do instead, and examples that are tests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::gates::Rule;

/// A document of `migrations/rules`.
#[derive(Debug)]
pub struct Guide {
    /// What the messages say of it.
    pub rule: Rule,
    /// What it shows.
    pub example: Example,
}

/// A migration that is refused, and how to do it instead.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// The migrations before, if they matter.
    pub given: Vec<String>,
    /// What is refused, each by itself.
    pub refused: Vec<String>,
    /// What is accepted: one file after the other.
    pub accepted: Vec<String>,
}

macro_rules! documents {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../migrations/rules/", $name, ".md")))),*]
    };
}

static GUIDES: LazyLock<BTreeMap<&str, Guide>> = LazyLock::new(|| {
    let documents = documents![
        "batchless-write",
        "column-type",
        "concurrently",
        "cross-schema",
        "do-block",
        "domain",
        "drop",
        "drop-not-null",
        "enum",
        "generated-values",
        "lock-table",
        "name-too-long",
        "no-transaction",
        "not-valid",
        "own-transaction",
        "refresh",
        "rename",
        "required-column",
        "revoke",
        "rewrite",
        "row-security",
        "schema-qualified",
        "set-default",
        "set-not-null",
        "syntax",
        "trigger",
        "truncate",
        "types",
        "unique-using-index",
        "view-columns",
        "volatile-default",
        "waiver",
        "whole-server",
    ];
    let guides = documents.map(|(name, document)| (name, Guide::read(name, document)));
    guides.into_iter().collect()
});

/// Every rule by its name.
#[must_use]
pub fn guides() -> &'static BTreeMap<&'static str, Guide> {
    &GUIDES
}

pub(super) fn rule(name: &str) -> &'static Rule {
    let guide = GUIDES.get(name);
    let guide =
        guide.unwrap_or_else(|| panic!("migrations/rules/{name}.md is not among the rules"));
    &guide.rule
}

impl Guide {
    fn read(name: &'static str, document: &str) -> Self {
        let instead = paragraph(document, "Instead");
        let waive = if name == "waiver" {
            "This one cannot be waived.".to_owned()
        } else {
            format!("`-- waive {name}: <why it hurts nobody here>` above the statement.")
        };
        Self {
            // Made once, and kept as long as the program runs.
            rule: Rule {
                name,
                why: paragraph(document, "Why").leak(),
                fix: format!("{instead} See migrations/rules/{name}.md.").leak(),
                waive: waive.leak(),
            },
            example: Example {
                given: blocks(document, "Given"),
                refused: blocks(document, "Refused"),
                accepted: blocks(document, "Accepted"),
            },
        }
    }
}

/// What stands below a heading, up to the next.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let mut sections = document.split("\n## ");
    let found = sections.find_map(|section| section.strip_prefix(heading));
    found.unwrap_or_default()
}

/// A section's text on one line.
fn paragraph(document: &str, heading: &str) -> String {
    let words: Vec<_> = section(document, heading).split_whitespace().collect();
    words.join(" ")
}

/// The SQL in a section.
fn blocks(document: &str, heading: &str) -> Vec<String> {
    let parts = section(document, heading).split("```sql\n").skip(1);
    let blocks = parts.filter_map(|part| part.split("```").next());
    blocks.map(str::to_owned).collect()
}
