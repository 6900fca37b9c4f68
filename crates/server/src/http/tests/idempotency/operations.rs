//! Every POST of the API: which honour a key, and why the others need none.

use super::*;

const DECISION: &str =
    include_str!("../../../../../../docs/decisions/0008-answers-commit-with-their-effect.md");

/// The paths of all operations that are a POST, below the API's root.
fn posts() -> Vec<(String, Value)> {
    let description = serde_json::to_value(api::description()).unwrap();
    let paths = description["paths"].as_object().unwrap().clone();
    paths
        .into_iter()
        .filter(|(_, operations)| operations["post"].is_object())
        .map(|(path, mut operations)| {
            let path = path.strip_prefix("/api/v1").unwrap().to_owned();
            (path, operations["post"].take())
        })
        .collect()
}

fn declares_the_key(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array();
    parameters.is_some_and(|parameters| {
        let is_key = |it: &Value| it["name"] == "idempotency-key" && it["in"] == "header";
        parameters.iter().any(is_key)
    })
}

/// A path that the router takes, whatever it names.
fn filled_in(path: &str) -> String {
    path.replace("{number}", "100001")
        .replace("{id}", "01234567-89ab-7cde-8f01-23456789abcd")
        .replace("{delivery_id}", "01234567-89ab-7cde-8f01-23456789abcd")
}

#[test]
fn every_post_is_in_the_decision_with_what_its_repetition_does() {
    for (path, operation) in posts() {
        let row = DECISION
            .lines()
            .find(|line| line.starts_with(&format!("| `{path}` |")))
            .unwrap_or_else(|| panic!("POST {path} has no row in the decision"));
        let what = row.split('|').nth(2).unwrap().trim();
        if what.starts_with("no key:") {
            assert!(!declares_the_key(&operation), "{path}");
        } else {
            assert!(what == "atomic" || what.starts_with("harmless: "), "{row}");
            assert!(declares_the_key(&operation), "{path} declares no key");
        }
    }
}

#[tokio::test]
async fn every_post_that_declares_a_key_looks_at_it() {
    let program = Program::start().await;
    for (path, operation) in posts() {
        if !declares_the_key(&operation) {
            continue;
        }
        let request = program.post(&filled_in(&path), "", &json!({}));
        let answer = program.server.send(request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        let text = answer.text();
        assert!(text.contains("Idempotency-Key must have"), "{path}: {text}");
    }
}
