use kernel::{Currency, ProductId};
use secrecy::SecretString;
use serde::Deserialize;

use super::*;
use crate::http::forms::FieldErrors;

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "what matters is whether they can be read")]
struct Order {
    email: String,
    password: Option<SecretString>,
    quantity: u32,
    express: bool,
    currency: Currency,
    product_id: ProductId,
    delivery: Delivery,
    #[serde(default)]
    notes: Vec<Note>,
}

#[derive(Debug, Deserialize)]
struct Delivery {
    city: String,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "what matters is whether they can be read")]
struct Note {
    text: String,
}

const GOOD: &str = r#"{
    "email": "ann@example.com", "password": null, "quantity": 2, "express": false, "currency": "EUR",
    "product_id": "018f0000-0000-7000-8000-000000000000", "delivery": {"city": "Kiel"}, "notes": [{"text": "ring"}]
}"#;

fn read(json: &str) -> Result<Order, Faults> {
    Order::deserialize(Node::of_json(json.as_bytes()).unwrap())
}

/// What is said about the good order in which `from` is replaced by `to`.
fn said(from: &str, to: &str) -> Vec<(String, String)> {
    assert!(GOOD.contains(from), "{from}");
    let errors = FieldErrors::from(read(&GOOD.replace(from, to)).unwrap_err());
    let said = errors.iter();
    said.map(|it| (it.field.to_string(), it.message.to_string()))
        .collect()
}

#[test]
fn a_document_that_fits_is_read() {
    let order = read(GOOD).unwrap();
    assert_eq!((order.quantity, order.delivery.city.as_str()), (2, "Kiel"));
}

#[test]
fn what_does_not_fit_is_said_in_the_fields_words_at_the_fields_path() {
    for (from, to, path, message) in [
        (r#""ann@example.com""#, "7", "email", "Must be a string."),
        (
            r#""password": null"#,
            r#""password": []"#,
            "password",
            "Must be a string.",
        ),
        (
            r#""quantity": 2"#,
            r#""quantity": "2""#,
            "quantity",
            "Must be a whole number.",
        ),
        (
            r#""quantity": 2"#,
            r#""quantity": 2.5"#,
            "quantity",
            "Must be a whole number.",
        ),
        (
            r#""quantity": 2"#,
            r#""quantity": -1"#,
            "quantity",
            "Must be a whole number from 0 to 4294967295.",
        ),
        ("false", "0", "express", "Must be true or false."),
        (
            r#""EUR""#,
            r#""XXX""#,
            "currency",
            "Must be one of: EUR, USD, GBP.",
        ),
        (r#""EUR""#, "1", "currency", "Must be a string."),
        ("018f", "xxxx", "product_id", "Is not valid."),
        (r#""city": "Kiel""#, "", "delivery.city", "Is missing."),
        (r#"{"city": "Kiel"}"#, "7", "delivery", "Must be an object."),
        (
            r#"{"city": "Kiel"}"#,
            "null",
            "delivery",
            "Must be an object.",
        ),
        (r#""email": "ann@example.com","#, "", "email", "Is missing."),
        (r#"[{"text": "ring"}]"#, "{}", "notes", "Must be a list."),
        (
            r#"[{"text": "ring"}]"#,
            r#"[{"text": "a"}, {"text": 1}]"#,
            "notes[1].text",
            "Must be a string.",
        ),
        (
            r#"[{"text": "ring"}]"#,
            "[7]",
            "notes[0]",
            "Must be an object.",
        ),
        (
            r#""quantity": 2"#,
            r#""quantity": 2, "quantity": 3"#,
            "quantity",
            "Occurs twice.",
        ),
        (
            r#""city": "Kiel""#,
            r#""city": "Kiel", "role": 1"#,
            "delivery.role",
            "There is no such field.",
        ),
    ] {
        assert_eq!(
            said(from, to),
            [(path.to_owned(), message.to_owned())],
            "{to}"
        );
    }
}

#[test]
fn a_list_is_no_object() {
    for (from, to, path) in [
        (r#"{"city": "Kiel"}"#, r#"["Kiel"]"#, "delivery"),
        (r#"{"text": "ring"}"#, r#"["ring"]"#, "notes[0]"),
    ] {
        let expected = (path.to_owned(), "Must be an object.".to_owned());
        assert_eq!(said(from, to), [expected]);
    }
    let errors = FieldErrors::from(read(r#"["ann@example.com", null, 2]"#).unwrap_err());
    assert_eq!(errors.get(""), Some("Must be an object."));
}

#[test]
fn a_form_holds_numbers_as_text_and_nothing_that_is_not_utf_8() {
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Line {
        title: String,
        quantity: u32,
        gift: bool,
    }
    let read = |form: &str| Line::deserialize(Node::of_form(form.as_bytes()).unwrap());
    let line = read("title=a+%2B+%C3%A9%3D&quantity=2&gift=true&").unwrap();
    let expected = Line {
        title: "a + é=".into(),
        quantity: 2,
        gift: true,
    };
    assert_eq!(line, expected);
    assert_eq!(read("").unwrap(), Line::default());
    for refused in [
        "quantity=two",
        "quantity=",
        "gift=7",
        "title=a&title=b",
        "role=admin",
    ] {
        assert!(read(refused).is_err(), "{refused}");
    }
    for broken in [&b"title=%ff%fe"[..], b"title=\xff", b"%c3=a"] {
        assert_eq!(Node::of_form(broken), Err(node::NotUtf8), "{broken:?}");
    }
}

#[test]
fn a_query_may_carry_parameters_of_others() {
    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Part {
        size: Option<u32>,
    }
    let read = |query: &str| Part::deserialize(Node::of_query(query));
    assert_eq!(read("utm=1&size=3&utm=%e9"), Ok(Part { size: Some(3) }));
    assert!(read("size=abc").is_err());
    assert!(read("size=1&size=2").is_err());
}
