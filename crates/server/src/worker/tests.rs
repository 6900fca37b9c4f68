use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::migrations;

#[test]
fn every_kind_of_job_and_every_reaction_is_named_after_its_module() {
    let registry = registry();
    let migrations = migrations::all();
    let modules: Vec<_> = migrations
        .iter()
        .filter_map(|history| history.table_name.split('.').next())
        .collect();
    for kind in registry.kinds() {
        let (module, what) = kind.split_once('.').unwrap();
        assert!(modules.contains(&module) && !what.is_empty(), "{kind}");
    }
    for (event, reaction) in registry.subscriptions().iter() {
        let (publisher, reacting) = (event.split('.').next(), reaction.split('.').next());
        assert_ne!(
            publisher, reacting,
            "{event} is {reaction}'s own business, not choreography"
        );
    }
}

/// What the previous release wrote for each kind of job and each reaction: `payloads.json`, by kind. While two releases run
/// side by side, each reads what the other wrote. A release renews the file; between releases nothing in it changes.
fn payloads_of_the_previous_release() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("payloads.json")).unwrap()
}

#[test]
fn every_payload_of_the_previous_release_can_be_read_and_none_of_its_fields_is_gone() {
    let (registry, mut payloads) = (registry(), payloads_of_the_previous_release());
    for kind in registry.kinds() {
        let payload = payloads.remove(kind);
        let payload = payload.unwrap_or_else(|| panic!("payloads.json has no {kind}"));
        let written = registry.rewrite(kind, payload.clone());
        let written = written.unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        assert!(
            holds(&written, &payload),
            "{kind}: {payload} became {written}"
        );
    }
    assert!(payloads.is_empty(), "nobody handles {:?}", payloads.keys());
}

#[test]
fn a_field_that_the_next_release_adds_does_not_make_a_payload_unreadable() {
    let registry = registry();
    for (kind, mut payload) in payloads_of_the_previous_release() {
        add_a_field_everywhere(&mut payload);
        let read = registry.rewrite(&kind, payload);
        assert!(read.is_ok(), "{kind}: {read:?}");
    }
}

/// Whether `written` says everything that `payload` does.
fn holds(written: &Value, payload: &Value) -> bool {
    match (written, payload) {
        (Value::Object(written), Value::Object(payload)) => payload.iter().all(|(name, value)| {
            written
                .get(name)
                .is_some_and(|written| holds(written, value))
        }),
        (Value::Array(written), Value::Array(payload)) => {
            written.len() == payload.len()
                && written
                    .iter()
                    .zip(payload)
                    .all(|(written, value)| holds(written, value))
        }
        _ => written == payload,
    }
}

fn add_a_field_everywhere(payload: &mut Value) {
    match payload {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_a_field_everywhere);
            fields.insert("added_by_the_next_release".to_owned(), json!(1));
        }
        Value::Array(values) => values.iter_mut().for_each(add_a_field_everywhere),
        _ => {}
    }
}
