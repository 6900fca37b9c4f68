//! What a migration is let through with: waivers, and the release since which a dropped thing is ignored.

use std::ops::Range;

use super::rules::rule;
use super::{Migration, Trouble, line_of};
use crate::gates::Finding;

/// What opens a waiver: `-- waive lock-table: two dozen rows that nobody writes`.
const WAIVE: &str = "-- waive ";

/// What names the last release that used a thing: `-- ignored since 1.4.0`.
const IGNORED: &str = "-- ignored since ";

/// The shortest that passes for a reason.
const SHORTEST_REASON: usize = 15;

struct Waiver<'a> {
    rule: &'a str,
    reason: &'a str,
    lines: Range<usize>,
}

/// What of `troubles` nobody let through, and what is wrong with what lets through.
pub(super) fn judge(
    migration: &Migration,
    release: &str,
    mut troubles: Vec<Trouble>,
) -> Vec<Finding> {
    let waivers: Vec<_> = waivers(&migration.text).collect();
    let mut findings = not_ours(migration);
    troubles
        .retain_mut(|trouble| trouble.rule != "drop" || !is_ignored(migration, release, trouble));
    for waiver in &waivers {
        let place = format!("{}:{}", migration.place, waiver.lines.start + 1);
        if waiver.reason.chars().count() < SHORTEST_REASON {
            let what = format!("`{}` is waived without a reason", waiver.rule);
            findings.push(rule("waiver").broken(&place, what));
        }
        if !troubles.iter().any(|it| waiver.holds_for(it, migration)) {
            let what = format!("`{}` is waived, and nothing is wrong", waiver.rule);
            findings.push(rule("waiver").broken(&place, what));
        }
    }
    let unwaived = troubles
        .into_iter()
        .filter(|trouble| !waivers.iter().any(|it| it.holds_for(trouble, migration)));
    findings.extend(unwaived.map(|trouble| {
        let place = migration.place_of(trouble.at);
        rule(trouble.rule).broken(place, trouble.what)
    }));
    findings
}

impl Waiver<'_> {
    fn holds_for(&self, trouble: &Trouble, migration: &Migration) -> bool {
        self.rule == trouble.rule && covers(&self.lines, trouble, migration)
    }
}

/// A comment holds for the statements that begin between it and the next blank line, and for the one it stands in.
fn covers(lines: &Range<usize>, trouble: &Trouble, migration: &Migration) -> bool {
    let first = line_of(&migration.text, trouble.statement.start);
    let last = line_of(&migration.text, trouble.statement.end);
    lines.contains(&first) || (first..=last).contains(&lines.start)
}

/// Every waiver, with the lines that it holds for.
fn waivers(text: &str) -> impl Iterator<Item = Waiver<'_>> {
    comments(text, WAIVE).map(|(lines, waiver)| {
        let (rule, reason) = waiver.split_once(':').unwrap_or((waiver, ""));
        Waiver {
            rule: rule.trim(),
            reason: reason.trim(),
            lines,
        }
    })
}

/// The comments that begin with `opening`, with the lines from there to the next blank one.
fn comments<'a>(
    text: &'a str,
    opening: &'a str,
) -> impl Iterator<Item = (Range<usize>, &'a str)> + 'a {
    let lines = text.lines().enumerate();
    lines.filter_map(move |(number, line)| {
        let (_, rest) = line.split_once(opening)?;
        let below = text.lines().skip(number);
        let length = below.take_while(|line| !line.trim().is_empty()).count();
        Some((number..number + length, rest.trim()))
    })
}

/// Whether an earlier release is named since which nothing uses what is dropped. If one is named in vain, the trouble says so.
fn is_ignored(migration: &Migration, release: &str, trouble: &mut Trouble) -> bool {
    let mut marks =
        comments(&migration.text, IGNORED).filter(|(lines, _)| covers(lines, trouble, migration));
    let Some((_, since)) = marks.next() else {
        return false;
    };
    let Some(earlier) = version(since) else {
        trouble.what = format!("`{since}` is no release: say `{IGNORED}1.4.0`");
        return false;
    };
    let is_earlier = version(release).is_some_and(|this| earlier < this);
    if !is_earlier {
        trouble.what = format!("{since} has not been released: this is still {release}");
    }
    is_earlier
}

fn version(text: &str) -> Option<Vec<u64>> {
    let numbers = text.trim_start_matches('v').split('.');
    numbers.map(|number| number.parse().ok()).collect()
}

/// Squawk's own comments, which would switch rules off without a reason.
fn not_ours(migration: &Migration) -> Vec<Finding> {
    let lines = migration.text.lines().enumerate();
    let theirs = lines.filter(|(_, line)| {
        let comment = line.split_once("--").or_else(|| line.split_once("/*"));
        comment.is_some_and(|(_, comment)| comment.trim_start().starts_with("squawk-"))
    });
    theirs
        .map(|(number, line)| {
            let place = format!("{}:{}", migration.place, number + 1);
            rule("waiver").broken(place, format!("`{}` gives no reason", line.trim()))
        })
        .collect()
}
