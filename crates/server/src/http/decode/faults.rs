use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Expected, Unexpected};

use crate::http::forms::FieldErrors;

/// What does not fit in a document, by the path of the field: `delivery.city`, `lines[2].quantity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Faults(Vec<Fault>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// Empty for the document as a whole.
    path: String,
    message: Cow<'static, str>,
}

impl Faults {
    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of("", message)
    }

    fn of(path: &str, message: impl Into<Cow<'static, str>>) -> Self {
        Self(vec![Fault {
            path: path.to_owned(),
            message: message.into(),
        }])
    }

    /// Members that nobody asked for.
    pub(super) fn unknown<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self(
            names
                .map(|name| Fault {
                    path: name.to_owned(),
                    message: "There is no such field.".into(),
                })
                .collect(),
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same faults, seen from the object that holds the value as its member `name`.
    pub(super) fn in_member(mut self, name: &str) -> Self {
        for Fault { path, .. } in &mut self.0 {
            let rest = std::mem::take(path);
            let dot = if rest.is_empty() || rest.starts_with('[') {
                ""
            } else {
                "."
            };
            *path = format!("{name}{dot}{rest}");
        }
        self
    }

    /// The same faults, seen from the list that holds the value at `index`.
    pub(super) fn in_item(self, index: usize) -> Self {
        self.in_member(&format!("[{index}]"))
    }
}

impl From<Faults> for FieldErrors {
    fn from(faults: Faults) -> Self {
        let mut errors = Self::new();
        for Fault { path, message } in faults.0 {
            errors.add(path, message);
        }
        errors
    }
}

/// serde's own findings, in our words. What it would say names Rust's types, and texts of libraries.
impl Error for Faults {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new("Is not valid.")
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::new("Has the wrong type.")
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("Must be one of: {}.", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(field, "Is missing.")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::of(field, "Occurs twice.")
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FieldErrors::from(self.clone()).fmt(f)
    }
}

impl std::error::Error for Faults {}
