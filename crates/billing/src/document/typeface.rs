use std::sync::LazyLock;

use krilla::color::rgb;
use krilla::text::Font;
use rustybuzz::{Face, UnicodeBuffer};

/// Noto Sans covers Latin, Greek and Cyrillic. A character that it lacks shows as a box, and is still there to be copied.
static REGULAR: LazyLock<Typeface> = LazyLock::new(|| Typeface::new(notosans::REGULAR_TTF));
static BOLD: LazyLock<Typeface> = LazyLock::new(|| Typeface::new(notosans::BOLD_TTF));

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    weight: Weight,
    /// In points.
    pub(super) size: f32,
    pub(super) ink: Ink,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Regular,
    Bold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Black,
    Muted,
    Line,
}

struct Typeface {
    font: Font,
    face: Face<'static>,
}

impl Typeface {
    fn new(bytes: &'static [u8]) -> Self {
        Self {
            font: Font::new(bytes.into(), 0).expect("the embedded font is a font"),
            face: Face::from_slice(bytes, 0).expect("the embedded font is a font"),
        }
    }
}

impl Style {
    pub(super) const fn regular(size: f32) -> Self {
        Self {
            weight: Weight::Regular,
            size,
            ink: Ink::Black,
        }
    }

    pub(super) const fn bold(size: f32) -> Self {
        Self {
            weight: Weight::Bold,
            ..Self::regular(size)
        }
    }

    pub(super) const fn in_ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }

    /// From one baseline to the next, in points.
    pub(super) fn line_height(self) -> f32 {
        self.size * 1.4
    }

    pub(super) fn font(self) -> Font {
        self.typeface().font.clone()
    }

    /// How wide `text` comes out, in points. It is shaped as it will be when it is drawn, kerning and all.
    #[expect(
        clippy::cast_precision_loss,
        reason = "widths of a line, in font units, are far below 2^23"
    )]
    pub(super) fn width(self, text: &str) -> f32 {
        let face = &self.typeface().face;
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        let shaped = rustybuzz::shape(face, &[], buffer);
        let units: i32 = shaped.glyph_positions().iter().map(|it| it.x_advance).sum();
        units as f32 * self.size / face.units_per_em() as f32
    }

    /// Breaks `text` into lines no wider than `width`: between words, and within one that is wider by itself. White space
    /// and control characters become one space.
    pub(super) fn wrap(self, text: &str, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
            if word.is_empty() {
                continue;
            }
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.width(&longer) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for character in word.chars() {
                line.push(character);
                if line.chars().count() > 1 && self.width(&line) > width {
                    line.pop();
                    lines.push(std::mem::take(&mut line));
                    line.push(character);
                }
            }
        }
        lines.push(line);
        lines
    }

    fn typeface(self) -> &'static Typeface {
        match self.weight {
            Weight::Regular => &REGULAR,
            Weight::Bold => &BOLD,
        }
    }
}

impl Ink {
    pub(super) fn colour(self) -> rgb::Color {
        match self {
            Self::Black => rgb::Color::new(23, 28, 38),
            Self::Muted => rgb::Color::new(96, 104, 118),
            Self::Line => rgb::Color::new(208, 213, 221),
        }
    }
}
