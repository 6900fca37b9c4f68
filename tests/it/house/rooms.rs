//! SQL, what happens between modules, and the wrappers of the world outside stand in their rooms.

use std::fs;

use tests::gates::rooms::{Ban, bans, check};
use tests::gates::source::{Source, sources};

use super::graph::{House, root};
use crate::gates::{broken, told};

fn owners() -> Vec<String> {
    House::read(root()).owners().map(str::to_owned).collect()
}

fn all_bans() -> Vec<Ban> {
    bans(&fs::read_to_string(root().join(".clippy.toml")).unwrap())
}

/// The rules that `text` breaks in a file at `path`, beside `others`.
fn broken_by(path: &str, text: &str, mut others: Vec<Source>) -> Vec<String> {
    others.push(Source::planted(path, text));
    let findings = check(&others, &owners(), &all_bans());
    let broken = broken(&findings);
    let here = broken.iter().filter(|(_, place)| place.starts_with(path));
    here.map(|(rule, _)| (*rule).to_owned()).collect()
}

#[test]
fn everything_stands_in_its_room() {
    let house = House::read(root());
    let sources = sources(root(), &house.served());
    assert!(
        sources.len() > 200,
        "only {} files were found",
        sources.len()
    );
    assert!(all_bans().len() > 20, "the bans were not found");
    let findings = check(&sources, &owners(), &all_bans());
    assert!(findings.is_empty(), "{}", told(&findings));
}

#[test]
fn sql_outside_of_db_rs_is_refused_as_macro_and_as_text() {
    let place = "crates/orders/src/place_planted.rs";
    for sql in [
        "async fn planted() { sqlx::query!(\"SELECT 1\"); }",
        "async fn planted() { assert!(query_scalar ! (\"SELECT 1\")); }",
        "async fn planted() { connection.execute(\"UPDATE orders.orders SET total = 0\"); }",
        "async fn planted() { connection.execute(r#\"\n  DELETE FROM users.users\"#); }",
    ] {
        assert_eq!(broken_by(place, sql, Vec::new()), ["sql-room"], "{sql}");
    }
    for no_sql in [
        "#[cfg(test)] mod tests { fn planted() { sqlx::query!(\"SELECT 1\"); } }",
        "#[test] fn planted() { sqlx::query!(\"SELECT 1\"); }",
        "// sqlx::query!(\"SELECT 1\")\nfn planted() { say(\"query!\") }",
        "fn planted() { say(\"Select from the orders. And then?\") }",
    ] {
        assert!(broken_by(place, no_sql, Vec::new()).is_empty(), "{no_sql}");
    }
    let room = "crates/orders/src/db/planted.rs";
    assert!(
        broken_by(
            room,
            "fn planted() { sqlx::query!(\"SELECT 1\"); }",
            Vec::new()
        )
        .is_empty()
    );
}

#[test]
fn what_happens_between_modules_is_written_on_one_page() {
    let reaction = "fn planted(registry: R) -> R { registry\n.reaction(\"a.b\", c) }";
    assert_eq!(
        broken_by("crates/server/src/worker_planted.rs", reaction, Vec::new()),
        ["wiring-room"]
    );
    let event = "impl Event for Planted { const NAME: &str = \"a\"; }";
    assert_eq!(
        broken_by("crates/orders/src/place_planted.rs", event, Vec::new()),
        ["wiring-room"]
    );
}

#[test]
fn what_wraps_the_world_outside_is_one_file() {
    let wrapped = || sources(root(), &["kernel", "platform", "server"].map(str::to_owned));
    for call in [
        "chrono::Utc::now()",
        "std::env::vars_os()",
        "reqwest::Client::builder()",
    ] {
        let code = format!("fn planted() {{ {call}; }}");
        let place = "crates/billing/src/planted.rs";
        assert_eq!(
            broken_by(place, &code, wrapped()),
            ["one-wrapper"],
            "{call}"
        );
    }
}
