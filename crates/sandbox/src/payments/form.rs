//! The provider's request bodies: form-encoded, nested with brackets, as in
//! `line_items[0][price_data][unit_amount]=1250`.
//!
//! A [`Form`] is emptied by reading it. What is left at the end is a parameter that the provider
//! does not know, and it refuses those; a misspelt optional parameter would otherwise go unnoticed
//! until production.

use std::collections::BTreeMap;

use url::{Url, form_urlencoded};

use super::error::ApiError;

/// Parameters, or the part of them below `path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    path: String,
    /// Keys relative to `path`, always in brackets: `[price_data][currency]`.
    pairs: BTreeMap<String, String>,
}

impl Form {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(encoded).map(|(key, value)| {
            let (first, rest) = key.split_at(key.find('[').unwrap_or(key.len()));
            (format!("[{first}]{rest}"), value.into_owned())
        });
        Self {
            path: String::new(),
            pairs: pairs.collect(),
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.pairs.remove(&format!("[{name}]"))
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::missing(&self.path_of(name)))
    }

    pub(crate) fn integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        self.text(name)
            .map(|value| {
                let path = self.path_of(name);
                value
                    .parse()
                    .map_err(|_| ApiError::not_an_integer(&path, &value))
            })
            .transpose()
    }

    pub(crate) fn required_integer(&mut self, name: &str) -> Result<i64, ApiError> {
        self.integer(name)?
            .ok_or_else(|| ApiError::missing(&self.path_of(name)))
    }

    /// An absolute web address, kept as it was written: parsing it would escape the braces of
    /// `{CHECKOUT_SESSION_ID}`.
    pub(crate) fn web_address(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        match Url::parse(&value) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(value)),
            _ => Err(ApiError::not_a_url(&self.path_of(name))),
        }
    }

    /// All of `name[…]`, as a form of its own.
    pub(crate) fn object(&mut self, name: &str) -> Self {
        let prefix = format!("[{name}]");
        let keys: Vec<_> = self
            .pairs
            .keys()
            .filter(|key| key.len() > prefix.len() && key.starts_with(&prefix))
            .cloned()
            .collect();
        let pairs = keys.into_iter().filter_map(|key| {
            let value = self.pairs.remove(&key)?;
            Some((key[prefix.len()..].to_owned(), value))
        });
        Self {
            pairs: pairs.collect(),
            path: self.path_of(name),
        }
    }

    /// The elements of `name[0]…`, `name[1]…`, in the order of their numbers.
    pub(crate) fn list(&mut self, name: &str) -> Vec<Self> {
        let mut list = self.object(name);
        let mut names = list.names();
        names.sort_by_key(|name| name.parse().unwrap_or(usize::MAX));
        names.iter().map(|name| list.object(name)).collect()
    }

    /// `name[a]=1&name[b]=2` as a map; for `metadata`, whose keys are the caller's.
    pub(crate) fn map(&mut self, name: &str) -> BTreeMap<String, String> {
        let mut object = self.object(name);
        let entries = object
            .names()
            .into_iter()
            .filter_map(|name| object.text(&name).map(|value| (name, value)));
        entries.collect()
    }

    /// Refuses what nobody has read.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.names().first() {
            Some(name) => Err(ApiError::unknown_parameter(&self.path_of(name))),
            None => Ok(()),
        }
    }

    /// The distinct names at this level.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .pairs
            .keys()
            .filter_map(|key| key.strip_prefix('[')?.split_once(']'))
            .map(|(name, _)| name.to_owned())
            .collect();
        names.dedup();
        names
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}[{name}]", self.path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_parameters_are_found_by_their_path() {
        let mut form = Form::parse(
            b"mode=payment&line_items%5B0%5D[price_data][unit_amount]=1250\
              &line_items[10][quantity]=3&line_items[2][quantity]=2&metadata[order+id]=a%26b",
        );
        assert_eq!(form.required("mode").unwrap(), "payment");
        assert_eq!(form.map("metadata")["order id"], "a&b");
        let mut lines = form.list("line_items");
        let price = lines[0].object("price_data").integer("unit_amount");
        assert_eq!(price.unwrap(), Some(1250));
        assert_eq!(lines[1].integer("quantity").unwrap(), Some(2));
        assert_eq!(lines[2].integer("quantity").unwrap(), Some(3));
        form.finish().unwrap();
    }

    #[test]
    fn a_fault_names_the_parameter_by_its_whole_path() {
        let mut form = Form::parse(b"line_items[0][quantity]=many&success_url=/thanks&x[y]=1");
        let mut line = form.list("line_items").remove(0);
        let fault = line.integer("quantity").unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("line_items[0][quantity]"));
        let fault = line.object("price_data").required("currency").unwrap_err();
        assert_eq!(
            fault.param.as_deref(),
            Some("line_items[0][price_data][currency]")
        );
        let fault = form.web_address("success_url").unwrap_err();
        assert_eq!(fault.code, Some("url_invalid"));
        let fault = form.finish().unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("x"));
        assert_eq!(fault.code, Some("parameter_unknown"));
    }

    #[test]
    fn odd_brackets_are_refused_and_not_fatal() {
        for body in ["[=1", "a[=1", "a]b=1", "]=1", "a[b=1", "=1", "a[]=1"] {
            let form = Form::parse(body.as_bytes());
            assert!(form.finish().is_err(), "{body}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn every_parameter_is_read_once_or_refused() {
        fuzzing::bytes("nested_form", |body| {
            let mut form = Form::parse(body);
            let _ = form.integer("amount");
            let _ = form.web_address("success_url");
            for mut line in form.list("line_items") {
                let _ = line.object("price_data").required_integer("unit_amount");
                let _ = line.finish();
            }
            form.map("metadata");
            if form.clone().finish().is_ok() {
                assert!(form.pairs.is_empty(), "{:?}", form.pairs);
            }
        });
    }
}
