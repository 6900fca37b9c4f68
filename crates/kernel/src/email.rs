use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An e-mail address that mail can be sent to, with its domain in lower case.
///
/// `Debug` shows the domain alone, so that an address in a struct does not end up in a log.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// The text is not an e-mail address that the application accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("enter an e-mail address such as name@example.com")]
pub struct InvalidEmailAddress;

impl EmailAddress {
    /// Reads an address, ignoring white space around it.
    ///
    /// The rule is the one that browsers apply to `<input type="email">` (WHATWG HTML, "valid e-mail address"), narrowed
    /// to what can be written into a mail without quotes: the part before the `@` is a dot-atom (RFC 5322, 3.2.3), the
    /// domain has a dot, and the lengths are those of RFC 5321, 4.5.3.1: 64 bytes before the `@`, 254 in all. It admits no
    /// white space and no control character, so an address cannot break out of a mail header.
    pub fn parse(text: &str) -> Result<Self, InvalidEmailAddress> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        let valid = text.len() <= 254
            && local.len() <= 64
            && local.split('.').all(is_atom)
            && domain.contains('.')
            && domain.split('.').all(is_domain_label);
        if !valid {
            return Err(InvalidEmailAddress);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_atom(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

fn is_domain_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit('@').next().unwrap_or_default();
        write!(f, "EmailAddress(…@{domain})")
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_kept_in_lower_case() {
        let address = EmailAddress::parse(" Ann.Lee+shop@Example.COM ").unwrap();
        assert_eq!(address.as_str(), "Ann.Lee+shop@example.com");
    }

    #[test]
    fn what_could_break_a_mail_header_is_refused() {
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@localhost",
            "ann@-example.com",
            "ann@example..com",
            "ann@example.com.",
            "ann..lee@example.com",
            ".ann@example.com",
            "ann.@example.com",
            "\"ann lee\"@example.com",
            "ann@[192.0.2.1]",
            "änn@example.com",
            "ann lee@example.com",
            "ann@example.com\r\nBcc: eve@example.com",
            "ann\r\n@example.com",
            "ann@example.com, eve@example.com",
        ] {
            assert_eq!(
                EmailAddress::parse(text),
                Err(InvalidEmailAddress),
                "{text:?}"
            );
        }
    }

    #[test]
    fn overlong_parts_are_refused() {
        let long = "a".repeat(65);
        assert!(EmailAddress::parse(&format!("{long}@example.com")).is_err());
        assert!(EmailAddress::parse(&format!("a@{}example.com", "a.".repeat(130))).is_err());
    }

    #[test]
    fn debug_output_hides_who_it_is() {
        let address = EmailAddress::parse("ann@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…@example.com)");
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn an_accepted_address_is_one_word_that_reads_back() {
        fuzzing::text("email", |text| {
            let Ok(address) = EmailAddress::parse(text) else {
                return;
            };
            assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(!address.as_str().contains([',', ';', '<', '>', '"']));
            assert_eq!(address.as_str().parse(), Ok(address));
        });
    }
}
