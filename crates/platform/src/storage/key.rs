use std::fmt;

/// The name of a file in storage: `avatars/019b8e2b….webp`.
///
/// Keys are made by the server, never taken from a file name that a browser sent. That one which was parsed still cannot
/// leave its folder is the second lock.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(String);

/// The text is no key: see [`ObjectKey::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is made of letters, digits, '-', '_' and '.', in parts between single slashes")]
pub struct InvalidObjectKey;

impl ObjectKey {
    /// Checks a key: at most 512 bytes of ASCII letters, digits, `-`, `_` and `.`, in parts between single slashes, none
    /// of which begins with a dot. So it is the same in a path, in an address and in a signature, without any escaping.
    pub fn new(key: impl Into<String>) -> Result<Self, InvalidObjectKey> {
        let key = key.into();
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if key.len() > 512 || !key.split('/').all(is_part) {
            return Err(InvalidObjectKey);
        }
        Ok(Self(key))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn path(&self) -> object_store::path::Path {
        object_store::path::Path::from(self.as_str())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ObjectKey {
    type Err = InvalidObjectKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = InvalidObjectKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_unchanged_wherever_it_is_written() {
        let key = ObjectKey::new("invoices/2026/INV-000001_final.pdf").unwrap();
        assert_eq!(key.path().as_ref(), key.as_str());
        let url = url::Url::parse("https://example.com/files/").unwrap();
        assert!(
            url.join(key.as_str())
                .unwrap()
                .path()
                .ends_with(key.as_str())
        );
    }

    #[test]
    fn what_could_leave_its_folder_is_no_key() {
        for text in [
            "",
            "/etc/passwd",
            "avatars/",
            "avatars//x",
            "avatars/../secret",
            "..",
            "avatars/.hidden",
            "avatars/%2e%2e/x",
            "avatars\\x",
            "avatars/a b",
            "avatars/a?b",
            "avatars/é",
            "avatars/a\nb",
            "avatars/a#1",
        ] {
            assert_eq!(ObjectKey::new(text), Err(InvalidObjectKey), "{text:?}");
        }
        assert!(ObjectKey::new("a".repeat(512)).is_ok());
        assert!(ObjectKey::new("a".repeat(513)).is_err());
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_key_stays_in_its_folder_wherever_it_is_written() {
        let files = url::Url::parse("https://shop.example/files/").unwrap();
        fuzzing::text("object_key", move |text| {
            let Ok(key) = ObjectKey::new(text) else {
                return;
            };
            assert_eq!(key.as_str(), text);
            assert_eq!(key.path().as_ref(), text);
            let url = files.join(text).unwrap();
            assert_eq!(url.as_str(), format!("{files}{text}"));
        });
    }
}
