//! The queries of the workspace, where they stand, and what they are let through with.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::plan::Trouble;
use crate::gates::{Finding, Rule};

static BLANK: Rule = Rule {
    name: "blank-waiver",
    why: "Whoever reads the query next cannot tell whether the reason still holds.",
    fix: "Say what bounds the rows: `-- waive sort: an order has at most 100 lines`.",
    waive: "This one cannot be waived.",
};

static STALE: Rule = Rule {
    name: "stale-waiver",
    why: "It would let the next fault of its kind through unseen.",
    fix: "Delete the comment.",
    waive: "This one cannot be waived.",
};

/// What opens a waiver: `-- waive sort: an order has at most 100 lines`.
const WAIVE: &str = "-- waive ";

/// A rule of the gate `statements`, waived in the statement as well.
const REPEATED: &str = "repeated";

/// The shortest that passes for a reason.
const SHORTEST_REASON: usize = 15;

/// A query as its crate's `.sqlx` folder has it.
#[derive(Clone, Debug)]
pub struct Query {
    /// File and line of its text in the sources.
    pub place: String,
    /// What it says.
    pub text: String,
    pub(super) parameters: usize,
}

struct Waiver<'a> {
    rule: &'a str,
    reason: &'a str,
}

impl Query {
    /// A query that stands nowhere, with this number of parameters.
    #[must_use]
    pub fn planted(text: &str, parameters: usize) -> Self {
        Self {
            place: "planted".to_owned(),
            text: text.to_owned(),
            parameters,
        }
    }

    fn waivers(&self) -> Vec<Waiver<'_>> {
        let comments = self.text.lines().filter_map(|line| line.split_once(WAIVE));
        comments
            .map(|(_, waiver)| {
                let (rule, reason) = waiver.split_once(':').unwrap_or((waiver, ""));
                Waiver {
                    rule: rule.trim(),
                    reason: reason.trim(),
                }
            })
            .collect()
    }

    /// What of `troubles` is not waived, and what is wrong with the waivers.
    pub(super) fn judge(&self, troubles: Vec<Trouble>) -> Vec<Finding> {
        let waivers = self.waivers();
        let mut findings = Vec::new();
        for waiver in &waivers {
            if waiver.reason.chars().count() < SHORTEST_REASON {
                let what = format!("`{}` is waived without a reason", waiver.rule);
                findings.push(BLANK.broken(&self.place, what));
            }
            let is_broken = troubles
                .iter()
                .any(|trouble| trouble.rule.name == waiver.rule);
            // How often a statement is sent, its plan does not tell.
            if !is_broken && waiver.rule != REPEATED {
                let what = format!("`{}` is waived, and nothing is wrong", waiver.rule);
                findings.push(STALE.broken(&self.place, what));
            }
        }
        let unwaived = troubles.into_iter().filter(|trouble| {
            !waivers
                .iter()
                .any(|waiver| waiver.rule == trouble.rule.name)
        });
        findings.extend(unwaived.map(|trouble| trouble.rule.broken(&self.place, trouble.what)));
        findings
    }
}

#[derive(Deserialize)]
struct Prepared {
    query: String,
    describe: Describe,
}

#[derive(Deserialize)]
struct Describe {
    parameters: Parameters,
}

/// sqlx writes `{"Left": [types]}`.
#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "Left", default)]
    types: Vec<serde_json::Value>,
}

/// Every query of every crate below `root`.
pub(super) fn read(root: &Path) -> Vec<Query> {
    let mut queries = Vec::new();
    for package in entries(&root.join("crates")) {
        let folder = package.join(".sqlx");
        if !folder.is_dir() {
            continue;
        }
        let sources = sources(root, &package.join("src"));
        for file in entries(&folder) {
            let text = fs::read_to_string(&file).expect("a prepared query");
            let prepared: Prepared = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let place = place(&prepared.query, &sources);
            // Elsewhere SQL stands in tests alone, which look at what was written.
            if place.as_deref().is_none_or(is_in_db) {
                queries.push(Query {
                    place: place.unwrap_or_else(|| file.display().to_string()),
                    text: prepared.query,
                    parameters: prepared.describe.parameters.types.len(),
                });
            }
        }
    }
    assert!(!queries.is_empty(), "no prepared queries: where is .sqlx?");
    queries.sort_by(|a, b| a.place.cmp(&b.place));
    queries
}

/// Whether a place is in the one room of a crate that holds its SQL.
fn is_in_db(place: &str) -> bool {
    (place.contains("/db.rs:") || place.contains("/db/")) && !place.contains("/testing/")
}

/// File, and line of the first of the query's lines that stands in exactly one place.
fn place(query: &str, sources: &[(String, String)]) -> Option<String> {
    query.lines().map(str::trim).find_map(|line| {
        // As a raw string has it, and up to what other strings write otherwise.
        let plain = line.split(['"', '\\']).next().unwrap_or_default();
        [line, plain]
            .into_iter()
            .find_map(|line| only(line, sources))
    })
}

/// The one place where `line` stands, if it says enough to be searched for.
fn only(line: &str, sources: &[(String, String)]) -> Option<String> {
    if line.len() < 12 {
        return None;
    }
    let mut places = sources.iter().flat_map(|(file, source)| {
        let lines = source.lines().enumerate();
        let here = lines.filter(|(_, text)| text.contains(line));
        here.map(move |(number, _)| format!("{file}:{}", number + 1))
    });
    let found = places.next();
    found.filter(|_| places.next().is_none())
}

/// Name and text of every Rust file below `folder`.
fn sources(root: &Path, folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            found.extend(sources(root, &path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path);
            let text = fs::read_to_string(&path).expect("a source file");
            found.push((name.display().to_string(), text));
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry of a folder").path())
        .collect();
    paths.sort();
    paths
}
