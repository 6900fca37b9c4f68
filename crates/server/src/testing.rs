//! For the tests of this crate, and for those that call its API from outside.

use std::collections::HashSet;
use std::sync::LazyLock;

use chrono::DateTime;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::http::api;

mod addresses;
#[cfg(test)]
mod shop;

pub use addresses::addresses_of_pages;
#[cfg(test)]
pub(crate) use shop::TestShop;

/// What the description of the API promises of its answers, so that neither drifts away from the other: every test that
/// calls the API holds what comes back against it.
#[derive(Debug)]
pub struct Contract(Value);

/// What came back from the API.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`, empty where there is none.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Contract {
    /// The contract of this build's API.
    ///
    /// # Panics
    /// Never: the description is written as JSON by every server too.
    #[must_use]
    pub fn of_the_api() -> &'static Self {
        static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
            let description = serde_json::to_value(api::description());
            Contract(description.expect("a description that can be written as JSON"))
        });
        &CONTRACT
    }

    /// Fails the test whose call of `path` was answered otherwise than described. What no operation answers, such as an
    /// unknown address, is promised nowhere.
    ///
    /// # Panics
    /// If the answer's status, content type or body is not one of those described.
    pub fn require(&self, method: &str, path: &str, answer: Answer<'_>) {
        let faults = self.faults(method, path, answer);
        let body = String::from_utf8_lossy(answer.body);
        assert!(
            faults.is_empty(),
            "{method} {path} answered {} {body}, and the description says otherwise: {faults:#?}",
            answer.status
        );
    }

    fn faults(&self, method: &str, path: &str, answer: Answer<'_>) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return Vec::new();
        };
        let Some(response) = operation["responses"].get(answer.status.to_string()) else {
            return vec![format!("no status {}", answer.status)];
        };
        let Some(kinds) = response["content"].as_object() else {
            let surplus = (!answer.body.is_empty()).then(|| "no body".to_owned());
            return surplus.into_iter().collect();
        };
        let kind = answer.content_type.split(';').next().unwrap_or_default();
        let Some(kind) = kinds.get(kind) else {
            return vec![format!("no content type {kind:?}")];
        };
        match serde_json::from_slice(answer.body) {
            Ok(value) => self.misfits(&kind["schema"], &value, "$"),
            Err(error) => vec![format!("a JSON document ({error})")],
        }
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap_or_default();
        let paths = self.0["paths"].as_object()?;
        let item = paths.get(path).or_else(|| {
            let mut paths = paths.iter();
            let matching = paths.find(|(template, _)| is_of(template, path));
            matching.map(|(_, item)| item)
        });
        item?.get(method.to_ascii_lowercase())
    }

    /// What of `value` does not fit `schema`. Names that the schema does not list do not fit either: nobody could know
    /// what they mean.
    fn misfits(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        let mut misfits = Vec::new();
        self.compare(schema, value, at, &mut misfits);
        let mut known = HashSet::new();
        if let Some(fields) = value.as_object()
            && self.names(schema, &mut known)
        {
            let unknown = fields.keys().filter(|name| !known.contains(name.as_str()));
            misfits.extend(unknown.map(|name| format!("{at} has no {name}")));
        }
        misfits
    }

    fn compare(&self, schema: &Value, value: &Value, at: &str, misfits: &mut Vec<String>) {
        let schema = self.resolve(schema);
        for part in list(schema, "allOf") {
            self.compare(part, value, at, misfits);
        }
        for choices in [list(schema, "oneOf"), list(schema, "anyOf")] {
            let fits = |choice| self.misfits(choice, value, at).is_empty();
            if !choices.is_empty() && !choices.iter().any(fits) {
                misfits.push(format!("{at} is of one of several kinds, and not {value}"));
            }
        }
        if !has_type(&schema["type"], value) {
            misfits.push(format!("{at} is a {}, and not {value}", schema["type"]));
        }
        let choices = list(schema, "enum");
        if !choices.is_empty() && !choices.contains(value) {
            misfits.push(format!("{at} is one of {choices:?}, and not {value}"));
        }
        if !has_format(schema["format"].as_str(), value) {
            misfits.push(format!("{at} is a {}, and not {value}", schema["format"]));
        }
        match value {
            Value::Object(fields) => self.compare_fields(schema, fields, at, misfits),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    misfits.extend(self.misfits(&schema["items"], item, &format!("{at}[{index}]")));
                }
            }
            _ => {}
        }
    }

    fn compare_fields(
        &self,
        schema: &Value,
        fields: &Map<String, Value>,
        at: &str,
        misfits: &mut Vec<String>,
    ) {
        let required = list(schema, "required").iter().filter_map(Value::as_str);
        let missing = required.filter(|name| !fields.contains_key(*name));
        misfits.extend(missing.map(|name| format!("{at} has a {name}")));
        for (name, value) in fields {
            let described = schema["properties"].get(name);
            let described = described.or_else(|| schema.get("additionalProperties"));
            if let Some(described) = described {
                misfits.extend(self.misfits(described, value, &format!("{at}.{name}")));
            }
        }
    }

    /// Collects the names that an object may have; `false` if it may have any.
    fn names<'a>(&'a self, schema: &'a Value, known: &mut HashSet<&'a str>) -> bool {
        let schema = self.resolve(schema);
        if let Some(properties) = schema["properties"].as_object() {
            known.extend(properties.keys().map(String::as_str));
        }
        let more = schema.get("additionalProperties");
        let mut closed = more.is_none_or(|more| *more == Value::Bool(false));
        for parts in ["allOf", "oneOf", "anyOf"] {
            for part in list(schema, parts) {
                closed &= self.names(part, known);
            }
        }
        closed
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str();
        let pointer = pointer.and_then(|reference| reference.strip_prefix('#'));
        let target = pointer.and_then(|pointer| self.0.pointer(pointer));
        target.map_or(schema, |target| self.resolve(target))
    }
}

fn list<'a>(schema: &'a Value, name: &str) -> &'a [Value] {
    schema[name].as_array().map_or(&[], Vec::as_slice)
}

/// Whether `path` can be `template` with something in place of its `{parameters}`.
fn is_of(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(known, given)| known.starts_with('{') || known == given)
}

/// `types` is one name, a list of them, or nothing, which permits all.
fn has_type(types: &Value, value: &Value) -> bool {
    match types {
        Value::Array(types) => types.iter().any(|one| has_type(one, value)),
        Value::String(name) => match name.as_str() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => value.is_null(),
        },
        _ => true,
    }
}

fn has_format(format: Option<&str>, value: &Value) -> bool {
    match (format, value.as_str()) {
        (Some("uuid"), Some(text)) => Uuid::parse_str(text).is_ok(),
        (Some("date-time"), Some(text)) => DateTime::parse_from_rfc3339(text).is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An operation that answers with a thing, and may refuse in words.
    fn contract() -> Contract {
        Contract(json!({
            "paths": { "/things/{id}": { "get": { "responses": {
                "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
                "204": {},
            } } } },
            "components": { "schemas": {
                "Thing": {
                    "allOf": [
                        { "type": "object", "required": ["id"], "properties": { "id": { "type": "string", "format": "uuid" } } },
                        { "type": "object", "required": ["tags"], "properties": {
                            "tags": { "type": "array", "items": { "type": "string", "enum": ["new", "old"] } },
                            "made_at": { "type": ["string", "null"], "format": "date-time" },
                            "size": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Size" }] },
                            "links": { "type": "object", "additionalProperties": { "type": "string" } },
                        } },
                    ],
                },
                "Size": { "type": "object", "required": ["width"], "properties": { "width": { "type": "integer" } } },
            } },
        }))
    }

    fn faults(status: u16, body: &str) -> Vec<String> {
        let answer = Answer {
            status,
            content_type: "application/json; charset=utf-8",
            body: body.as_bytes(),
        };
        contract().faults("GET", "/things/7?shown=all", answer)
    }

    #[test]
    fn an_answer_as_described_has_no_fault() {
        let id = Uuid::nil();
        for thing in [
            json!({ "id": id, "tags": [] }),
            json!({ "id": id, "tags": ["new"], "made_at": null, "size": null }),
            json!({ "id": id, "tags": ["old"], "made_at": "2026-01-02T03:04:05Z", "size": { "width": 3 } }),
            json!({ "id": id, "tags": [], "links": { "anything": "goes" } }),
        ] {
            assert_eq!(faults(200, &thing.to_string()), [""; 0], "{thing}");
        }
        assert_eq!(faults(204, ""), [""; 0]);
    }

    #[test]
    fn whatever_was_not_promised_is_found() {
        let id = Uuid::nil();
        for (thing, fault) in [
            (json!({ "tags": [] }), "$ has a id"),
            (json!({ "id": "7", "tags": [] }), "$.id is a \"uuid\""),
            (
                json!({ "id": id, "tags": [7] }),
                "$.tags[0] is a \"string\"",
            ),
            (json!({ "id": id, "tags": ["blue"] }), "$.tags[0] is one of"),
            (
                json!({ "id": id, "tags": [], "made_at": "now" }),
                "$.made_at is a \"date-time\"",
            ),
            (
                json!({ "id": id, "tags": [], "size": {} }),
                "$.size is of one of",
            ),
            (
                json!({ "id": id, "tags": [], "links": { "a": 1 } }),
                "$.links.a is a",
            ),
            (
                json!({ "id": id, "tags": [], "secret": 1 }),
                "$ has no secret",
            ),
            (json!([]), "$ is a \"object\""),
        ] {
            let found = faults(200, &thing.to_string());
            assert!(
                found.iter().any(|it| it.starts_with(fault)),
                "{fault}: {found:?}"
            );
        }
        for (status, body, fault) in [
            (500, "{}", "no status 500"),
            (204, "{}", "no body"),
            (200, "{", "a JSON document"),
        ] {
            let found = faults(status, body);
            assert!(found[0].starts_with(fault), "{fault}: {found:?}");
        }
    }
}
