use serde::{Deserialize, Serialize};

use super::*;

/// A field of every kind that the API's bodies have.
#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Body {
    text: String,
    number: Option<i64>,
    small: Option<u8>,
    #[serde(default)]
    flag: bool,
    #[serde(default)]
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Line {
    kind: Kind,
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    One,
    Two,
}

#[test]
fn a_body_that_is_read_reads_back_and_a_fault_says_something() {
    fuzzing::bytes("body", |text| {
        let Ok(document) = Node::of_json(text) else {
            return;
        };
        match Body::deserialize(document) {
            Ok(body) => {
                let written = Node::of_json(&serde_json::to_vec(&body).unwrap()).unwrap();
                assert_eq!(Body::deserialize(written), Ok(body));
            }
            Err(faults) => assert!(!faults.is_empty()),
        }
    });
}
