use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;

use secrecy::SecretString;
use url::Url;

use super::faults::{Fault, Faults};

/// Reads variables one by one and remembers what is wrong with each.
pub(super) struct Reader<'a> {
    values: &'a BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(values: &'a BTreeMap<String, String>) -> Self {
        Self {
            values,
            faults: Vec::new(),
        }
    }

    /// The value of `variable`, or the content of the file that `variable`_FILE names. What is empty is not given: of
    /// a new installation, whose file waits to be filled in.
    pub(super) fn raw(&mut self, variable: &'static str) -> Option<String> {
        let given = |name: &str| self.values.get(name).filter(|value| !value.is_empty());
        let file = given(&format!("{variable}_FILE"));
        match (given(variable), file) {
            (Some(_), Some(_)) => {
                self.fault(
                    variable,
                    format!("given twice: unset {variable} or {variable}_FILE"),
                );
                None
            }
            (Some(value), None) => Some(value.clone()),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(content) => Some(content.trim_end().to_owned()).filter(|it| !it.is_empty()),
                Err(error) => {
                    self.fault(
                        variable,
                        format!("cannot read {path}, which {variable}_FILE names: {error}"),
                    );
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// The parsed value, if one is given. `expected` ends the sentence "set it to …".
    pub(super) fn optional<T, E: Display>(
        &mut self,
        variable: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.raw(variable)?;
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.fault(
                    variable,
                    format!("not valid ({error}): set it to {expected}"),
                );
                None
            }
        }
    }

    /// The parsed value. That none is given is a fault.
    pub(super) fn required<T, E: Display>(
        &mut self,
        variable: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let faults = self.faults.len();
        let parsed = self.optional(variable, expected, parse);
        if parsed.is_none() && self.faults.len() == faults {
            self.fault(variable, format!("missing: set it to {expected}"));
        }
        parsed
    }

    /// A value that is never shown. That none is given is a fault.
    pub(super) fn secret(
        &mut self,
        variable: &'static str,
        expected: &str,
    ) -> Option<SecretString> {
        self.required(variable, expected, |text| Ok::<_, Infallible>(text.into()))
    }

    pub(super) fn fault(&mut self, variable: &'static str, problem: impl Into<String>) {
        let fault = Fault {
            variable,
            problem: problem.into(),
        };
        // A variable that is looked at twice is at fault once.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// What was built from the values, unless anything was wrong with them.
    pub(super) fn finish<T>(self, built: Option<T>) -> Result<T, Faults> {
        match built {
            Some(built) if self.faults.is_empty() => Ok(built),
            _ => Err(Faults(self.faults)),
        }
    }
}

/// Where a web site is, as a whole: scheme and host.
pub(super) fn web_address(value: &str) -> Result<Url, String> {
    let url: Url = value
        .parse()
        .map_err(|error: url::ParseError| error.to_string())?;
    match url.scheme() {
        "http" | "https" if url.path() == "/" && url.query().is_none() => Ok(url),
        "http" | "https" => Err("it has a path".to_owned()),
        _ => Err("neither http nor https".to_owned()),
    }
}
