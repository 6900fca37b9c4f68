use std::fmt;

use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// A document as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    /// Text of a form or a query string, which may stand for a number.
    Word(String),
    List(Vec<Node>),
    /// In the order of the document, with what it repeats.
    Object(Vec<(String, Node)>),
    /// An object that may have members which nobody reads.
    OpenObject(Vec<(String, Node)>),
}

/// A form whose bytes are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8;

impl Node {
    /// Reads a JSON document (RFC 8259).
    pub(crate) fn of_json(text: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }

    /// Reads a submitted form (WHATWG URL, "application/x-www-form-urlencoded parsing"), except that bytes which are no
    /// UTF-8 are refused: to replace them would store what nobody has written.
    pub(crate) fn of_form(text: &[u8]) -> Result<Self, NotUtf8> {
        let fields = text
            .split(|byte| *byte == b'&')
            .filter(|field| !field.is_empty());
        let fields = fields.map(|field| {
            let (name, value) = match field.iter().position(|byte| *byte == b'=') {
                Some(at) => (&field[..at], &field[at + 1..]),
                None => (field, &b""[..]),
            };
            Ok((form_text(name)?, Self::Word(form_text(value)?)))
        });
        fields.collect::<Result<_, _>>().map(Self::Object)
    }

    /// Reads a query string, in which others may have left parameters of theirs.
    pub(crate) fn of_query(text: &str) -> Self {
        let parameters = url::form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| (name.into_owned(), Self::Word(value.into_owned())));
        Self::OpenObject(parameters.collect())
    }
}

fn form_text(encoded: &[u8]) -> Result<String, NotUtf8> {
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect()).map_err(|_| NotUtf8)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod fuzz {
    use serde_json::Value;
    use url::form_urlencoded;

    use super::*;

    #[test]
    fn a_document_is_read_as_serde_reads_it() {
        fuzzing::bytes("json", |text| {
            let read = Node::of_json(text).ok().map(Value::deserialize);
            let known = serde_json::from_slice::<Value>(text).ok();
            assert_eq!(read.map(Result::unwrap), known);
        });
    }

    #[test]
    fn a_form_reads_back_from_what_it_says() {
        fuzzing::bytes("form", |text| {
            let Ok(Node::Object(fields)) = Node::of_form(text) else {
                return;
            };
            let mut again = form_urlencoded::Serializer::new(String::new());
            for (name, value) in &fields {
                let Node::Word(value) = value else {
                    panic!("{value:?}")
                };
                again.append_pair(name, value);
            }
            let again = Node::of_form(again.finish().as_bytes());
            assert_eq!(again, Ok(Node::Object(fields)));
        });
    }

    #[test]
    fn a_query_holds_words_whatever_it_says() {
        fuzzing::text("query", |text| {
            let Node::OpenObject(parameters) = Node::of_query(text) else {
                panic!("{text:?}")
            };
            assert!(
                parameters
                    .iter()
                    .all(|(_, value)| matches!(value, Node::Word(_)))
            );
        });
    }
}
