use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where a list goes on: the sort key of the last item shown, opaque to the caller.
///
/// It is not signed: it holds nothing that its reader has not seen, and whoever edits it merely starts elsewhere in a
/// list that is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(String);

/// The cursor was not made by this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cursor does not belong to this list: start again without it")]
pub struct InvalidCursor;

impl Cursor {
    const MAX_LENGTH: usize = 512;

    /// The cursor behind an item with sort key `key`.
    ///
    /// # Panics
    /// If `key` cannot be written as JSON, which the tuples of times, numbers and ids used as sort keys always can.
    #[must_use]
    pub fn encode(key: &impl Serialize) -> Self {
        let json = serde_json::to_vec(key).expect("a sort key is plain data");
        Self(URL_SAFE_NO_PAD.encode(json))
    }

    /// The sort key that this cursor was made from.
    pub fn decode<K: DeserializeOwned>(&self) -> Result<K, InvalidCursor> {
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| InvalidCursor)?;
        serde_json::from_slice(&json).map_err(|_| InvalidCursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plausible = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if plausible {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCursor)
        }
    }
}

impl TryFrom<String> for Cursor {
    type Error = InvalidCursor;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.0
    }
}

/// How many items a page holds: 1 to 100, 20 unless told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u8);

/// A page cannot have as many items, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a page has 1 to 100 items")]
pub struct InvalidPageSize;

impl PageSize {
    /// The largest page that a caller may ask for.
    pub const MAX: u8 = 100;

    /// A page of `size` items, brought into the range 1 to [`PageSize::MAX`].
    #[must_use]
    pub fn clamped(size: u32) -> Self {
        Self(u8::try_from(size).unwrap_or(Self::MAX).clamp(1, Self::MAX))
    }

    /// A page of `size` items, if that is in the range.
    pub fn try_new(size: u32) -> Result<Self, InvalidPageSize> {
        let size = u8::try_from(size).map_err(|_| InvalidPageSize)?;
        let in_range = (1..=Self::MAX).contains(&size);
        in_range.then_some(Self(size)).ok_or(InvalidPageSize)
    }

    /// The number of items.
    #[must_use]
    pub fn get(self) -> usize {
        self.0.into()
    }

    /// How many rows to ask the database for: one more than is shown tells whether the list goes on.
    #[must_use]
    pub fn rows(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(20)
    }
}

/// Which part of a list to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Behind which item to begin; from the first where `None`.
    pub after: Option<Cursor>,
    /// How many items to show.
    pub size: PageSize,
}

impl PageRequest {
    /// The sort key to begin behind.
    pub fn key<K: DeserializeOwned>(&self) -> Result<Option<K>, InvalidCursor> {
        self.after.as_ref().map(Cursor::decode).transpose()
    }
}

/// A part of a list, and where it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page from up to [`PageSize::rows`] rows: the extra row is dropped and only tells that there are more.
    #[must_use]
    pub fn from_rows<K: Serialize>(
        mut rows: Vec<T>,
        size: PageSize,
        key: impl FnOnce(&T) -> K,
    ) -> Self {
        let more = rows.len() > size.get();
        rows.truncate(size.get());
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| Cursor::encode(&key(last)));
        Self { items: rows, next }
    }

    /// The same page with each item turned into something else.
    #[must_use]
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(turn).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_its_sort_key() {
        let cursor = Cursor::encode(&(7, "seven"));
        let read: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(read.decode(), Ok((7, "seven".to_owned())));
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        assert_eq!("no spaces".parse::<Cursor>(), Err(InvalidCursor));
        assert_eq!("".parse::<Cursor>(), Err(InvalidCursor));
        assert_eq!("a".repeat(513).parse::<Cursor>(), Err(InvalidCursor));
        let other = Cursor::encode(&"text");
        assert_eq!(other.decode::<u64>(), Err(InvalidCursor));
    }

    #[test]
    fn a_page_size_stays_in_range() {
        assert_eq!(PageSize::clamped(0).get(), 1);
        assert_eq!(PageSize::clamped(100_000).get(), 100);
        assert_eq!(PageSize::default().rows(), 21);
        for size in [1, 100] {
            assert_eq!(PageSize::try_new(size), Ok(PageSize::clamped(size)));
        }
        for size in [0, 101, 256, 257] {
            assert_eq!(PageSize::try_new(size), Err(InvalidPageSize));
        }
    }

    #[test]
    fn the_extra_row_tells_that_the_list_goes_on() {
        let size = PageSize::clamped(2);
        let page = Page::from_rows(vec![1, 2, 3], size, |item| *item);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(page.next, Some(Cursor::encode(&2)));
        assert_eq!(Page::from_rows(vec![1, 2], size, |item| *item).next, None);
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_cursor_prints_as_it_was_read_and_what_it_holds_reads_back() {
        fuzzing::text("cursor", |text| {
            let Ok(cursor) = text.parse::<Cursor>() else {
                return;
            };
            assert_eq!(cursor.to_string(), text);
            if let Ok(key) = cursor.decode::<(i64, String)>() {
                assert_eq!(Cursor::encode(&key).decode(), Ok(key));
            }
        });
    }
}
