use std::fmt;

use kernel::text::is_visible_line;
use serde::{Deserialize, Serialize};

/// Where goods go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who receives them.
    pub name: AddressLine,
    /// Street and house number.
    pub street: AddressLine,
    /// The code that the country's post uses.
    pub postal_code: AddressLine,
    /// City.
    pub city: AddressLine,
    /// Country.
    pub country: Country,
}

impl Address {
    /// The address as it is written on a parcel, line by line.
    #[must_use]
    pub fn lines(&self) -> [String; 4] {
        [
            self.name.to_string(),
            self.street.to_string(),
            format!("{} {}", self.postal_code, self.city),
            self.country.name().to_owned(),
        ]
    }
}

/// One line of an address: 1 to 100 characters, none of which breaks a line or hides. `Debug` shows no personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressLine(String);

/// The text is no line of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddressLine {
    /// Nothing but white space.
    #[error("fill in this field")]
    Empty,
    /// More than 100 characters.
    #[error("use at most 100 characters")]
    TooLong,
    /// A character that breaks the line or hides, or nothing that shows.
    #[error("use one line of plain text")]
    NotPlain,
}

impl AddressLine {
    const MAX_LENGTH: usize = 100;

    /// Reads a line, ignoring white space around it.
    pub fn parse(text: &str) -> Result<Self, InvalidAddressLine> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidAddressLine::Empty);
        }
        if text.chars().count() > Self::MAX_LENGTH {
            return Err(InvalidAddressLine::TooLong);
        }
        if !is_visible_line(text) {
            return Err(InvalidAddressLine::NotPlain);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AddressLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressLine(…)")
    }
}

impl TryFrom<String> for AddressLine {
    type Error = InvalidAddressLine;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<AddressLine> for String {
    fn from(line: AddressLine) -> Self {
        line.0
    }
}

/// A country that the shop delivers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(usize);

/// The shop does not deliver there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("choose a country from the list")]
pub struct UnknownCountry;

/// Code and name of every country that the shop delivers to, by name.
const COUNTRIES: [(&str, &str); 32] = [
    ("AT", "Austria"),
    ("BE", "Belgium"),
    ("BG", "Bulgaria"),
    ("CA", "Canada"),
    ("HR", "Croatia"),
    ("CY", "Cyprus"),
    ("CZ", "Czechia"),
    ("DK", "Denmark"),
    ("EE", "Estonia"),
    ("FI", "Finland"),
    ("FR", "France"),
    ("DE", "Germany"),
    ("GR", "Greece"),
    ("HU", "Hungary"),
    ("IE", "Ireland"),
    ("IT", "Italy"),
    ("LV", "Latvia"),
    ("LT", "Lithuania"),
    ("LU", "Luxembourg"),
    ("MT", "Malta"),
    ("NL", "Netherlands"),
    ("NO", "Norway"),
    ("PL", "Poland"),
    ("PT", "Portugal"),
    ("RO", "Romania"),
    ("SK", "Slovakia"),
    ("SI", "Slovenia"),
    ("ES", "Spain"),
    ("SE", "Sweden"),
    ("CH", "Switzerland"),
    ("GB", "United Kingdom"),
    ("US", "United States"),
];

impl Country {
    /// Every country that the shop delivers to, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..COUNTRIES.len()).map(Self)
    }

    /// Finds a country by its code, in capital letters.
    pub fn parse(code: &str) -> Result<Self, UnknownCountry> {
        Self::all()
            .find(|country| country.code() == code)
            .ok_or(UnknownCountry)
    }

    /// The code of ISO 3166-1 alpha-2.
    #[must_use]
    pub const fn code(self) -> &'static str {
        COUNTRIES[self.0].0
    }

    /// The name in English.
    #[must_use]
    pub const fn name(self) -> &'static str {
        COUNTRIES[self.0].1
    }
}

impl TryFrom<String> for Country {
    type Error = UnknownCountry;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::parse(&code)
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.code().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_bounded() {
        assert_eq!(
            AddressLine::parse(" 1 Main St ").unwrap().as_str(),
            "1 Main St"
        );
        assert_eq!(AddressLine::parse(" \t"), Err(InvalidAddressLine::Empty));
        assert_eq!(
            AddressLine::parse(&"ö".repeat(101)),
            Err(InvalidAddressLine::TooLong)
        );
        assert!(AddressLine::parse(&"ö".repeat(100)).is_ok());
    }

    #[test]
    fn a_line_cannot_become_two() {
        for text in [
            "Ann\r\nBcc: eve@example.com",
            "1 Main St\u{2028}Kiel",
            "\u{200b}",
            "1 Main\u{202e}tS",
        ] {
            assert_eq!(
                AddressLine::parse(text),
                Err(InvalidAddressLine::NotPlain),
                "{text:?}"
            );
        }
    }

    #[test]
    fn debug_output_hides_where_somebody_lives() {
        let line = AddressLine::parse("1 Main St").unwrap();
        assert_eq!(format!("{line:?}"), "AddressLine(…)");
    }

    #[test]
    fn countries_are_found_by_code_and_listed_by_name() {
        assert_eq!(Country::parse("DE").unwrap().name(), "Germany");
        assert_eq!(Country::parse("de"), Err(UnknownCountry));
        assert_eq!(Country::parse("XX"), Err(UnknownCountry));
        assert!(Country::all().is_sorted_by_key(Country::name));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_line_of_an_address_is_one_line_and_reads_back() {
        fuzzing::text("address_line", |text| {
            let Ok(line) = AddressLine::parse(text) else {
                return;
            };
            assert!(is_visible_line(line.as_str()));
            assert!((1..=100).contains(&line.as_str().chars().count()));
            assert_eq!(AddressLine::parse(line.as_str()), Ok(line));
        });
    }

    #[test]
    fn a_country_is_found_by_its_code_alone() {
        fuzzing::text("country", |text| {
            if let Ok(country) = Country::parse(text) {
                assert_eq!(country.code(), text);
            }
        });
    }
}
