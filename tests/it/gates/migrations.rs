//! No migration hurts the release that still runs, and each rule notices what it is there for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tests::gates::migrations::{Example, Linter, Migration, Reader, guides, migrations};

use super::{broken, told};

fn root() -> &'static Path {
    Path::new("..")
}

/// The workspace's own schemas and queries, and a release that comes after those that the examples name.
fn linter() -> Linter {
    Linter {
        release: "2.0.0".to_owned(),
        ..Linter::of(root())
    }
}

/// The rules that the last of `files` breaks, once each.
fn rules(linter: &Linter, files: &[String]) -> BTreeSet<&'static str> {
    let files: Vec<_> = files
        .iter()
        .map(|text| Migration::planted("orders", text))
        .collect();
    let (last, earlier) = files.split_last().unwrap();
    let findings = linter.lint(last, earlier);
    findings.iter().map(|finding| finding.rule.name).collect()
}

/// Whether what an example shows as bad is refused by `rule` and no other, and what it shows as good by none.
fn check(linter: &Linter, rule: &str, example: &Example) {
    assert!(!example.refused.is_empty(), "{rule}: nothing is refused");
    assert!(!example.accepted.is_empty(), "{rule}: nothing is accepted");
    for refused in &example.refused {
        let files = [example.given.as_slice(), std::slice::from_ref(refused)].concat();
        let broken: Vec<_> = rules(linter, &files).into_iter().collect();
        // A waiver without a reason still waives: it is the reason that is missing.
        assert_eq!(broken, [rule], "{refused}");
    }
    for number in 1..=example.accepted.len() {
        let files = [example.given.as_slice(), &example.accepted[..number]].concat();
        let broken = rules(linter, &files);
        let accepted = &example.accepted[number - 1];
        assert!(broken.is_empty(), "{rule}: {broken:?} in {accepted}");
    }
}

#[test]
fn no_migration_hurts_the_release_that_still_runs() {
    let findings = Linter::of(root()).lint_all(&migrations(root()));
    assert!(findings.is_empty(), "{}", told(&findings));
}

#[test]
fn every_rule_has_a_document_whose_examples_are_true() {
    let linter = linter();
    let documents = fs::read_dir(root().join("migrations/rules")).unwrap();
    let documents: BTreeSet<_> = documents
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected: BTreeSet<_> = guides().keys().map(|name| format!("{name}.md")).collect();
    assert_eq!(documents, expected);
    for (name, guide) in guides() {
        for text in [guide.rule.why, guide.rule.fix] {
            assert!(text.len() > 40, "{name} explains nothing: {text}");
        }
        check(&linter, name, &guide.example);
    }
}

#[test]
fn what_the_catalogue_shows_as_bad_is_refused_by_the_right_rule_and_its_safe_form_by_none() {
    let linter = linter();
    let mut refused = 0;
    for entry in fs::read_dir("it/gates/migrations/catalogue").unwrap() {
        let path = entry.unwrap().path();
        let rule = path.file_stem().unwrap().to_str().unwrap();
        assert!(guides().contains_key(rule), "there is no rule {rule}");
        for case in cases(&fs::read_to_string(&path).unwrap()) {
            refused += case.refused.len();
            check(&linter, rule, &case);
        }
    }
    assert!(refused >= 30, "the catalogue shrank to {refused}");
}

/// The cases of a file of the catalogue. Each begins with what is refused, after what is given, and ends with what is
/// accepted.
fn cases(text: &str) -> Vec<Example> {
    let mut cases = vec![Example::default()];
    for part in text.split("--- ").skip(1) {
        let (head, sql) = part.split_once('\n').unwrap();
        let begins = head.starts_with("given") || head.starts_with("refused");
        if begins && !cases.last().unwrap().accepted.is_empty() {
            cases.push(Example::default());
        }
        let case = cases.last_mut().unwrap();
        let list = match head.split(':').next() {
            Some("given") => &mut case.given,
            Some("refused") => &mut case.refused,
            Some("accepted") => &mut case.accepted,
            _ => panic!("{head} is neither given, refused nor accepted"),
        };
        list.push(sql.to_owned());
    }
    cases
}

#[test]
fn a_destructive_migration_among_ours_is_told_with_its_place_its_reason_and_the_way_out() {
    let mut migrations = migrations(root());
    migrations.push(Migration {
        module: "orders".to_owned(),
        place: "migrations/orders/9999_planted.up.sql".to_owned(),
        text: "-- Nobody sends faxes.\nALTER TABLE orders.orders\n    DROP COLUMN city;\n"
            .to_owned(),
    });
    let findings = Linter::of(root()).lint_all(&migrations);
    assert_eq!(
        broken(&findings),
        [("drop", "migrations/orders/9999_planted.up.sql:3")]
    );
    let told = told(&findings);
    for part in [
        "Dropping a column may break existing clients [drop]",
        "each of its queries that does fails",
        "`-- ignored since 1.4.0`",
        "See migrations/rules/drop.md",
        "waive  `-- waive drop: <why it hurts nobody here>`",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

#[test]
fn a_waiver_holds_up_to_the_next_blank_line() {
    let linter = linter();
    let index = "CREATE INDEX orders_city_idx ON orders.orders (city);";
    let reason = "-- waive concurrently: planted, and long enough";
    let waived = format!("{reason}\n{index}\n{index}");
    assert_eq!(rules(&linter, &[waived]), BTreeSet::new());
    let beyond = format!("{reason}\n{index}\n\n{index}");
    assert_eq!(rules(&linter, &[beyond]), BTreeSet::from(["concurrently"]));
    let within = "ALTER TABLE orders.orders\n    -- waive drop: planted, and long enough\n    DROP COLUMN city;";
    assert_eq!(rules(&linter, &[within.to_owned()]), BTreeSet::new());
}

#[test]
fn what_is_dropped_has_been_ignored_since_a_release_before_this_one() {
    let linter = linter();
    let drops_after = |since: &str| {
        let text = format!("-- ignored since {since}\nDROP TABLE orders.faxes;");
        rules(&linter, &[text])
    };
    assert_eq!(drops_after("1.10.0"), BTreeSet::new());
    assert_eq!(drops_after("v1.10.0"), BTreeSet::new());
    for never in ["2.0.0", "2.1.0", "long ago"] {
        assert_eq!(drops_after(never), BTreeSet::from(["drop"]), "{never}");
    }
}

#[test]
fn not_null_is_dropped_when_every_reader_expects_an_option() {
    let reader = |optional| Reader {
        place: "a query".to_owned(),
        table: "orders.orders".to_owned(),
        column: "region".to_owned(),
        optional,
    };
    let text = "ALTER TABLE orders.orders ALTER COLUMN region DROP NOT NULL;";
    for (optional, expected) in [(true, vec![]), (false, vec!["drop-not-null"])] {
        let linter = Linter {
            readers: vec![reader(true), reader(optional)],
            ..linter()
        };
        let broken: Vec<_> = rules(&linter, &[text.to_owned()]).into_iter().collect();
        assert_eq!(broken, expected);
    }
    let read_by_our_own = Linter::of(root())
        .readers
        .into_iter()
        .any(|reader| (reader.table.as_str(), reader.column.as_str()) == ("orders.orders", "city"));
    assert!(read_by_our_own, "the queries' columns were not found");
}
