use std::fmt;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use kernel::{Actor, AttachmentId, Staff, UserId};
use platform::storage::{MediaType, ObjectKey};

use crate::order::OrderStatus;

/// The largest file that may be attached: 10 MiB.
pub const MAX_ATTACHMENT_BYTES: u64 = 10 * 1024 * 1024;

/// The most files that an order has.
pub const MAX_ATTACHMENTS: u64 = 10;

/// A file that a customer has attached to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// What its customer calls it.
    pub name: FileName,
    /// What it is, as its first bytes say.
    pub media_type: MediaType,
    /// In bytes.
    pub size: u64,
    /// When it was attached.
    pub attached_at: DateTime<Utc>,
}

/// A file that has yet to arrive, or to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) id: AttachmentId,
    pub(crate) name: FileName,
    /// What its uploader says it is.
    pub(crate) media_type: MediaType,
    pub(crate) created_at: DateTime<Utc>,
}

impl Upload {
    pub(crate) fn attached(self, size: u64, attached_at: DateTime<Utc>) -> Attachment {
        Attachment {
            id: self.id,
            name: self.name,
            media_type: self.media_type,
            size,
            attached_at,
        }
    }
}

/// Why an order takes no more files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachRefusal {
    /// It was cancelled.
    #[error("a cancelled order takes no files")]
    Cancelled,
    /// It has [`MAX_ATTACHMENTS`].
    #[error("an order has at most {MAX_ATTACHMENTS} files")]
    Full,
}

impl OrderStatus {
    /// Whether a file may join the `attached` ones of an order that stands here.
    pub(crate) fn admit_attachment(self, attached: u64) -> Result<(), AttachRefusal> {
        if !self.takes_attachments() {
            Err(AttachRefusal::Cancelled)
        } else if attached >= MAX_ATTACHMENTS {
            Err(AttachRefusal::Full)
        } else {
            Ok(())
        }
    }
}

/// Who looks at an order's files: a customer at those of their own orders, staff at those of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A customer.
    Customer(UserId),
    /// A member of staff.
    Staff(Staff),
}

impl Reader {
    /// Whose orders they see; `None` for everybody's.
    pub(crate) fn sees_orders_of(self) -> Option<UserId> {
        match self {
            Self::Customer(user_id) => Some(user_id),
            Self::Staff(_) => None,
        }
    }
}

impl From<Actor> for Reader {
    fn from(actor: Actor) -> Self {
        actor
            .require_staff()
            .map_or(Self::Customer(actor.user_id), Self::Staff)
    }
}

/// What a customer calls a file: 1 to 100 characters in one line, for people to read. `Debug` shows no personal data.
///
/// It ends as files of its type do, so that whoever saves the file does not open it as something else.
#[derive(Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    const MAX_LENGTH: usize = 100;

    /// Makes a name of what a browser or a program sent. No text is refused: what cannot be part of a name is left out,
    /// and what is too long is shortened.
    pub(crate) fn clean(text: &str, media_type: MediaType) -> Self {
        // Old browsers send the whole path, of either kind of system.
        let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let shown: String = name.chars().filter(|c| !is_hidden(*c)).collect();
        let (stem, extension) = match shown.rsplit_once('.') {
            Some((stem, extension)) if ends_files_of(media_type, extension) => (stem, extension),
            _ => (shown.as_str(), media_type.extensions()[0]),
        };
        let is_edge = |c: char| c == '.' || c.is_whitespace();
        let stem = stem.trim_matches(is_edge);
        let stem = if stem.is_empty() { "file" } else { stem };
        let room = Self::MAX_LENGTH - extension.len() - 1;
        let stem: String = stem.chars().take(room).collect();
        Self(format!("{}.{extension}", stem.trim_end_matches(is_edge)))
    }

    /// The name that a database row holds.
    pub(crate) fn from_db(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileName(…)")
    }
}

fn ends_files_of(media_type: MediaType, extension: &str) -> bool {
    let known = media_type.extensions();
    known.iter().any(|own| own.eq_ignore_ascii_case(extension))
}

/// Control characters, and those that reorder a line (Unicode TR 36): `gpj.exe` must not read as `exe.jpg`.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Where a file lies as it was uploaded: for ten minutes its uploader can put another in its place.
pub(crate) fn upload_key(id: AttachmentId) -> anyhow::Result<ObjectKey> {
    ObjectKey::new(format!("attachments/{id}/upload")).context("name upload")
}

/// Where a file lies that was looked at. Nobody can put anything there but this module.
pub(crate) fn file_key(id: AttachmentId) -> anyhow::Result<ObjectKey> {
    ObjectKey::new(format!("attachments/{id}/file")).context("name attachment")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        FileName::clean(text, MediaType::Jpeg).to_string()
    }

    #[test]
    fn every_order_but_a_cancelled_one_takes_up_to_ten_files() {
        for status in OrderStatus::ALL {
            let admitted = status.admit_attachment(9);
            if status == OrderStatus::Cancelled {
                assert_eq!(admitted, Err(AttachRefusal::Cancelled));
            } else {
                assert_eq!(admitted, Ok(()), "{status}");
                assert_eq!(status.admit_attachment(10), Err(AttachRefusal::Full));
            }
        }
    }

    #[test]
    fn a_file_keeps_the_name_that_its_customer_gave_it() {
        for name in ["Größe 2 (Küche).jpg", "IMG_0001.JPEG", "a.b.jpg"] {
            assert_eq!(clean(name), name);
        }
    }

    #[test]
    fn what_cannot_be_part_of_a_name_is_left_out() {
        for (text, name) in [
            ("../../etc/passwd", "passwd.jpg"),
            ("C:\\Users\\ann\\me.jpg", "me.jpg"),
            ("a\0b\r\nc.jpg", "abc.jpg"),
            ("photo\u{202e}gpj.exe", "photogpj.exe.jpg"),
            ("page.html", "page.html.jpg"),
            (" .. .jpg", "file.jpg"),
            (".jpg", "file.jpg"),
            ("photos/", "file.jpg"),
            ("\0", "file.jpg"),
            ("", "file.jpg"),
        ] {
            assert_eq!(clean(text), name, "{text:?}");
        }
    }

    #[test]
    fn a_long_name_is_shortened_and_keeps_its_ending() {
        let name = clean(&format!("{}.jpeg", "ü".repeat(300)));
        assert_eq!(name.chars().count(), 100);
        assert!(name.ends_with("ü.jpeg"), "{name}");
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_file_is_called_its_name_is_one_that_can_be_saved() {
        fuzzing::text("file_name", |text| {
            for media_type in MediaType::ALL {
                let name = FileName::clean(text, media_type);
                let shown = name.as_str();
                let (stem, extension) = shown.rsplit_once('.').unwrap();
                assert!(ends_files_of(media_type, extension), "{shown:?}");
                assert!(!stem.is_empty() && !stem.starts_with('.'), "{shown:?}");
                assert!(shown.chars().count() <= 100, "{shown:?}");
                assert!(
                    !shown.contains(['/', '\\', '\0', '\n', '\u{202e}']),
                    "{shown:?}"
                );
                assert_eq!(FileName::clean(shown, media_type).as_str(), shown);
            }
        });
    }
}
