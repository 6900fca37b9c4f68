use std::fmt;
use std::str::FromStr;

/// What people may upload. What a browser could take for a page or a program (HTML, SVG) is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// A picture.
    Jpeg,
    /// A picture.
    Png,
    /// A picture.
    WebP,
    /// A document.
    Pdf,
}

/// The name is none of a [`MediaType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this type of file is not taken")]
pub struct UnknownMediaType;

impl MediaType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::WebP, Self::Pdf];

    /// The type that a file's first bytes tell, whatever its uploader says. Browsers tell it in the same way
    /// (<https://mimesniff.spec.whatwg.org/>), so what is none of these here is none of these there.
    #[must_use]
    pub fn sniff(file: &[u8]) -> Option<Self> {
        if file.starts_with(b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if file.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if file.starts_with(b"RIFF") && file.get(8..14) == Some(b"WEBPVP") {
            Some(Self::WebP)
        } else if file.starts_with(b"%PDF-") {
            Some(Self::Pdf)
        } else {
            None
        }
    }

    /// Whether it is a picture.
    #[must_use]
    pub const fn is_picture(self) -> bool {
        !matches!(self, Self::Pdf)
    }

    /// The name that headers, programs and databases know it by (RFC 6838).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Pdf => "application/pdf",
        }
    }

    /// How the names of its files end, without the dot; the usual ending first.
    #[must_use]
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Png => &["png"],
            Self::WebP => &["webp"],
            Self::Pdf => &["pdf"],
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MediaType {
    type Err = UnknownMediaType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|media_type| media_type.as_str() == name)
            .ok_or(UnknownMediaType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        for (file, sniffed) in [
            (&b"\xff\xd8\xff\xe0\0\x10JFIF"[..], Some(MediaType::Jpeg)),
            (b"\x89PNG\r\n\x1a\n", Some(MediaType::Png)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some(MediaType::WebP)),
            (b"%PDF-1.7\n", Some(MediaType::Pdf)),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"RIFF", None),
            (b"\x89PNG\n", None),
            (b" %PDF-1.7", None),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"<!doctype html>", None),
            (b"PK\x03\x04", None),
            (b"", None),
        ] {
            assert_eq!(MediaType::sniff(file), sniffed, "{file:?}");
        }
    }

    #[test]
    fn a_type_reads_back_from_its_name() {
        for media_type in MediaType::ALL {
            assert_eq!(media_type.to_string().parse(), Ok(media_type));
        }
        for other in ["image/svg+xml", "text/html", "IMAGE/PNG", "image/png\0", ""] {
            assert_eq!(other.parse::<MediaType>(), Err(UnknownMediaType), "{other}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn what_a_browser_could_take_for_a_page_is_no_type_of_ours() {
        fuzzing::bytes("media_type", |file| {
            if MediaType::sniff(file).is_some() {
                let text = file.trim_ascii_start();
                assert!(!text.starts_with(b"<"), "{file:?}");
            }
            if let Ok(name) = std::str::from_utf8(file)
                && let Ok(media_type) = name.parse::<MediaType>()
            {
                assert_eq!(media_type.as_str(), name);
            }
        });
    }
}
