//! What stands in which room (`README.md`, "The map"): SQL, what happens between modules, and the wrappers of time,
//! randomness, environment and HTTP.

use std::collections::BTreeMap;

use super::source::Source;
use super::{Finding, Rule};

static SQL: Rule = Rule {
    name: "sql-room",
    why: "A query that nobody finds is tuned by nobody: the tables of 100,000 users are changed by reading one folder.",
    fix: "Move it into the module's db.rs as a function on `&mut PgConnection`, and call that.",
    waive: "Not at all. Tests may look at rows; they are not asked.",
};

static WIRING: Rule = Rule {
    name: "wiring-room",
    why: "What one module's fact causes in another must be seen on one page, or nobody can take a module out or foresee \
          what an event sets off.",
    fix: "Put the row into the table of crates/server/src/choreography.rs, and the event into its module's events.rs.",
    waive: "Not at all.",
};

static WRAPPER: Rule = Rule {
    name: "one-wrapper",
    why: "Two clocks, two readers of the environment or two builders of HTTP clients disagree: one of them has no deadline, \
          or cannot be set in a test.",
    fix: "Call the file that wraps it, or let that file offer what is missing.",
    waive: "Not at all.",
};

/// What asks the database in the source.
const MACROS: [&str; 10] = [
    "query!",
    "query_as!",
    "query_scalar!",
    "query_unchecked!",
    "query_as_unchecked!",
    "query_scalar_unchecked!",
    "query_file!",
    "query_file_as!",
    "query_file_scalar!",
    "raw_sql(",
];

/// How a statement begins that is written as text.
const VERBS: [&str; 7] = [
    "SELECT ",
    "INSERT ",
    "UPDATE ",
    "DELETE ",
    "WITH ",
    "TRUNCATE ",
    "LOCK ",
];

/// A function that `.clippy.toml` bans.
pub struct Ban {
    path: String,
    reason: String,
}

/// The bans of a `.clippy.toml`.
#[must_use]
pub fn bans(clippy: &str) -> Vec<Ban> {
    let quoted = |line: &str, key: &str| {
        let (_, rest) = line.split_once(&format!("{key} = \""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let bans = clippy.lines().filter_map(|line| {
        Some(Ban {
            path: quoted(line, "path")?,
            reason: quoted(line, "reason")?,
        })
    });
    bans.collect()
}

/// Whatever stands in a room where it does not belong. `owners` are the crates that own a schema.
#[must_use]
pub fn check(sources: &[Source], owners: &[String], bans: &[Ban]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(sql(source, owners));
        findings.extend(wiring(source));
    }
    findings.extend(wrappers(sources, bans));
    findings
}

fn sql(source: &Source, owners: &[String]) -> Vec<Finding> {
    if source.path.ends_with("/db.rs") || source.path.contains("/db/") {
        return Vec::new();
    }
    let mut places = BTreeMap::new();
    for name in MACROS {
        let code = name.trim_end_matches('(');
        for line in source.lines_with(code) {
            places.insert(line, format!("`{code}` outside of db.rs"));
        }
    }
    for (line, text) in source.texts() {
        let text = text.trim_start_matches(['\\', 'n', ' ', '\n']);
        let schema = owners
            .iter()
            .find(|owner| text.contains(&format!(" {owner}.")));
        if let Some(owner) = schema
            && VERBS.iter().any(|verb| text.starts_with(verb))
        {
            places.insert(
                line,
                format!("a statement about {owner}'s tables outside of db.rs"),
            );
        }
    }
    let found = places.into_iter();
    found
        .map(|(line, what)| SQL.broken(format!("{}:{line}", source.path), what))
        .collect()
}

fn wiring(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    // The declaration of `reaction` itself has no dot before it.
    if !source.path.ends_with("server/src/choreography.rs") {
        for line in source.lines_with(".reaction") {
            let place = format!("{}:{line}", source.path);
            findings.push(WIRING.broken(place, "a reaction outside of choreography.rs"));
        }
    }
    if !source.path.ends_with("/events.rs") {
        for line in source.lines_with("impl Event for") {
            let place = format!("{}:{line}", source.path);
            findings.push(WIRING.broken(place, "an event outside of its module's events.rs"));
        }
    }
    findings
}

/// Bans for one reason have one file that wraps them.
fn wrappers(sources: &[Source], bans: &[Ban]) -> Vec<Finding> {
    let mut uses: BTreeMap<&str, BTreeMap<&str, (usize, &Ban)>> = BTreeMap::new();
    for source in sources {
        for ban in bans {
            let call = last_two(&ban.path);
            // The macro of the same name is what the ban points to.
            let macros = source.lines_with(&format!("{call}!"));
            let mut lines = source.lines_with(call);
            lines.retain(|line| !macros.contains(line));
            for line in lines {
                let files = uses.entry(&ban.reason).or_default();
                files.entry(&source.path).or_insert((line, ban));
            }
        }
    }
    let mut findings = Vec::new();
    for files in uses.values().filter(|files| files.len() > 1) {
        let all = files.keys().copied().collect::<Vec<_>>().join(" and in ");
        for (path, (line, ban)) in files {
            let what = format!("`{}` is called in {all}", last_two(&ban.path));
            findings.push(WRAPPER.broken(format!("{path}:{line}"), what));
        }
    }
    findings
}

/// `Utc::now` of `chrono::Utc::now`: how it is called where it is imported.
fn last_two(path: &str) -> &str {
    let start = path.rmatch_indices("::").nth(1).map_or(0, |(at, _)| at + 2);
    &path[start..]
}
