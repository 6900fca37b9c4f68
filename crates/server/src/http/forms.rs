//! Form fields: what is wrong with them, and how they are shown again with their values and a message beside each.

use std::borrow::Cow;
use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;

/// What is wrong with a form, by field name. Also draws the fields, so that a message cannot get lost on its way there.
///
/// Names at most 20: whoever sends a thousand unknown fields does not get a thousand messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    named: Vec<FieldError>,
    left_out: usize,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name in the form or the JSON document.
    pub field: Cow<'static, str>,
    /// A sentence that says how to put it right.
    pub message: Cow<'static, str>,
}

impl FieldErrors {
    const MOST: usize = 20;

    /// No document has a field whose path is as long. What is not a field's name is cut off here before it is sent back.
    const LONGEST_NAME: usize = 100;

    /// No errors: the form as it is first shown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One error.
    #[must_use]
    pub fn of(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut errors = Self::new();
        errors.add(field, message);
        errors
    }

    /// Notes that `message` is wrong with `field`.
    pub fn add(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) {
        if self.named.len() == Self::MOST {
            self.left_out += 1;
            return;
        }
        let mut field = field.into();
        if let Some((end, _)) = field.char_indices().nth(Self::LONGEST_NAME) {
            field = format!("{}…", &field[..end]).into();
        }
        self.named.push(FieldError {
            field,
            message: message.into(),
        });
    }

    /// Notes everything that is wrong in `others`, too.
    pub fn extend(&mut self, others: Self) {
        self.left_out += others.left_out;
        for FieldError { field, message } in others.named {
            self.add(field, message);
        }
    }

    /// How many errors there are beyond those that are named.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The parsed value, or `None` with `message` noted beside `field`.
    pub fn check<T, E>(
        &mut self,
        field: &'static str,
        parsed: Result<T, E>,
        message: &'static str,
    ) -> Option<T> {
        if parsed.is_err() {
            self.add(field, message);
        }
        parsed.ok()
    }

    /// The trimmed text of a field that must not be empty, or `None` with `message` noted beside it.
    pub fn require<'a>(
        &mut self,
        field: &'static str,
        text: &'a str,
        message: &'static str,
    ) -> Option<&'a str> {
        let text = text.trim();
        self.check(field, (!text.is_empty()).then_some(text).ok_or(()), message)
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// What is wrong, in the order in which it was found.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.named.iter()
    }

    /// The first message beside `field`.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.named
            .iter()
            .find(|error| error.field == field)
            .map(|error| error.message.as_ref())
    }

    /// A box above the form that names what is wrong and links to the fields; empty where nothing is wrong.
    pub fn summary(&self) -> Summary<'_> {
        Summary {
            errors: &self.named,
        }
    }

    /// A one-line text field.
    pub fn text<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.field(Control::Input("text"), name, label)
    }

    /// A field for an e-mail address.
    pub fn email<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.field(Control::Input("email"), name, label)
    }

    /// A field for a password. Its value is never shown again.
    pub fn password<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.field(Control::Input("password"), name, label)
    }

    /// A field for a whole number.
    pub fn number<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.field(Control::Input("number"), name, label)
    }

    /// A field for a file.
    pub fn file<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.field(Control::Input("file"), name, label)
    }

    /// A field of several lines.
    pub fn textarea<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.field(Control::Textarea, name, label)
    }

    /// A choice between `options`, pairs of value and label.
    pub fn select<'a>(
        &'a self,
        name: &'a str,
        label: &'a str,
        options: &'a [(&'a str, &'a str)],
    ) -> Field<'a> {
        self.field(Control::Select(options), name, label)
    }

    fn field<'a>(&'a self, control: Control<'a>, name: &'a str, label: &'a str) -> Field<'a> {
        Field {
            control,
            name,
            label,
            error: self.get(name),
            value: "",
            hint: None,
            autocomplete: None,
            accept: None,
            max_length: None,
            range: None,
            required: true,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Control<'a> {
    Input(&'static str),
    Textarea,
    Select(&'a [(&'a str, &'a str)]),
}

/// One labelled field with its hint and message. Fields are required unless [`Field::optional`].
#[derive(Clone, Debug, Template)]
#[template(path = "partials/field.html")]
#[must_use]
pub struct Field<'a> {
    control: Control<'a>,
    name: &'a str,
    label: &'a str,
    error: Option<&'a str>,
    value: &'a str,
    hint: Option<&'a str>,
    autocomplete: Option<&'a str>,
    accept: Option<&'a str>,
    max_length: Option<usize>,
    range: Option<(u32, u32)>,
    required: bool,
}

impl HtmlSafe for Field<'_> {}

impl<'a> Field<'a> {
    /// What the field holds now.
    pub fn value(mut self, value: &'a str) -> Self {
        self.value = value;
        self
    }

    /// A line beneath the label that helps to fill in the field.
    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// What a browser may fill in by itself: a token of the HTML standard, such as `new-password`.
    pub fn autocomplete(mut self, token: &'a str) -> Self {
        self.autocomplete = Some(token);
        self
    }

    /// Which media types a file field takes, separated by commas.
    pub fn accept(mut self, types: &'a str) -> Self {
        self.accept = Some(types);
        self
    }

    /// The greatest number of characters.
    pub fn max_length(mut self, characters: usize) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// The least and the greatest number.
    pub fn range(mut self, least: u32, greatest: u32) -> Self {
        self.range = Some((least, greatest));
        self
    }

    /// The field may stay empty.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The ids of the hint and the message, for `aria-describedby`.
    fn described_by(&self) -> String {
        let hint = self.hint.map(|_| format!("{}-hint", self.name));
        let error = self.error.map(|_| format!("{}-error", self.name));
        [hint, error]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A password is never written into a page.
    fn shown_value(&self) -> &'a str {
        match self.control {
            Control::Input("password" | "file") => "",
            _ => self.value,
        }
    }
}

/// See [`FieldErrors::summary`].
#[derive(Clone, Debug, Template)]
#[template(path = "partials/form_errors.html")]
#[must_use]
pub struct Summary<'a> {
    errors: &'a [FieldError],
}

impl HtmlSafe for Summary<'_> {}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.iter().map(|error| error.field.as_ref()).collect();
        write!(f, "invalid fields: {}", fields.join(", "))?;
        match self.left_out {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stands_beside_its_field_and_is_tied_to_it() {
        let errors = FieldErrors::of("email", "Enter an address.");
        let html = errors
            .email("email", "E-mail")
            .value("<x>")
            .hint("Yours.")
            .to_string();
        assert!(
            html.contains(r#"aria-describedby="email-hint email-error""#),
            "{html}"
        );
        assert!(html.contains(r#"aria-invalid="true""#), "{html}");
        assert!(
            html.contains(r#"id="email-error""#) && html.contains("Enter an address."),
            "{html}"
        );
        assert!(
            html.contains("&#60;x&#62;") && !html.contains("<x>"),
            "{html}"
        );
    }

    #[test]
    fn a_field_without_fault_claims_none() {
        let html = FieldErrors::new().text("name", "Name").to_string();
        assert!(
            !html.contains("aria-invalid") && !html.contains("aria-describedby"),
            "{html}"
        );
    }

    #[test]
    fn a_password_is_never_shown_again() {
        let html = FieldErrors::new()
            .password("password", "Password")
            .value("hunter2")
            .to_string();
        assert!(!html.contains("hunter2"), "{html}");
    }

    #[test]
    fn what_is_wrong_is_named_up_to_a_bound() {
        let mut errors = FieldErrors::new();
        for number in 0..32_000 {
            errors.add(format!("{number}{}", "é".repeat(1_000)), "Unknown.");
        }
        assert_eq!((errors.iter().count(), errors.left_out()), (20, 31_980));
        let text = errors.to_string();
        assert!(
            text.len() < 5_000 && text.ends_with("… and 31980 more"),
            "{text}"
        );
    }

    #[test]
    fn blank_text_is_not_given() {
        let mut errors = FieldErrors::new();
        assert_eq!(errors.require("name", "  \t", "Enter your name."), None);
        assert_eq!(errors.get("name"), Some("Enter your name."));
        assert_eq!(
            errors.require("city", " Kiel ", "Enter a city."),
            Some("Kiel")
        );
        assert_eq!(errors.get("city"), None);
    }
}
