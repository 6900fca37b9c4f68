//! Paper to write on from top to bottom. What is written is kept as marks with a place, to be drawn later.

use super::typeface::{Ink, Style};

/// A4, in points of 1/72 inch.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;

const MARGIN: f32 = 56.0;
pub(super) const LEFT: f32 = MARGIN;
pub(super) const RIGHT: f32 = WIDTH - MARGIN;
/// Where the text ends; what is below belongs to the foot.
pub(super) const BOTTOM: f32 = HEIGHT - 80.0;
const FOOT: f32 = HEIGHT - 44.0;

/// Something on a page. `y` grows downwards.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// Text that begins at `x` on the baseline `y`.
    Text {
        x: f32,
        y: f32,
        style: Style,
        text: String,
    },
    /// A thin line across the page.
    Rule { y: f32 },
}

impl Mark {
    pub(super) const RULE_INK: Ink = Ink::Line;
}

/// A column that text is set in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Column {
    side: Side,
    /// Where the text begins, or ends if it is set to the right.
    edge: f32,
    width: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Column {
    pub(super) const fn left(edge: f32, width: f32) -> Self {
        Self {
            side: Side::Left,
            edge,
            width,
        }
    }

    pub(super) const fn right(edge: f32, width: f32) -> Self {
        Self {
            side: Side::Right,
            edge,
            width,
        }
    }
}

/// The pages, and how far down the last one is written.
pub(super) struct Sheet {
    pages: Vec<Vec<Mark>>,
    y: f32,
}

impl Sheet {
    pub(super) fn new() -> Self {
        Self {
            pages: vec![Vec::new()],
            y: MARGIN,
        }
    }

    pub(super) fn pages(&self) -> &[Vec<Mark>] {
        &self.pages
    }

    pub(super) fn y(&self) -> f32 {
        self.y
    }

    pub(super) fn move_to(&mut self, y: f32) {
        self.y = y;
    }

    pub(super) fn skip(&mut self, by: f32) {
        self.y += by;
    }

    pub(super) fn turn_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = MARGIN;
    }

    /// Writes a paragraph.
    pub(super) fn write(&mut self, column: Column, style: Style, text: &str) {
        self.write_row(&[(column, style, text)]);
    }

    /// Writes paragraphs side by side, on common lines.
    pub(super) fn write_row(&mut self, cells: &[(Column, Style, &str)]) {
        let top = self.y;
        let pitch = pitch(cells);
        for &(column, style, text) in cells {
            let mut y = top;
            for line in style.wrap(text, column.width) {
                y += pitch;
                self.put(column, y, style, line);
            }
        }
        self.y = top + Self::height(cells);
    }

    /// How far down [`Sheet::write_row`] would get.
    pub(super) fn height(cells: &[(Column, Style, &str)]) -> f32 {
        let heights = cells.iter().map(|(column, style, text)| {
            let lines = style.wrap(text, column.width);
            lines.iter().map(|_| pitch(cells)).sum()
        });
        heights.fold(0.0, f32::max)
    }

    pub(super) fn rule(&mut self) {
        let y = self.y;
        self.page().push(Mark::Rule { y });
    }

    /// Writes into the foot of page number `page`.
    pub(super) fn write_foot(&mut self, page: usize, style: Style, left: &str, right: &str) {
        for (column, text) in [
            (Column::left(LEFT, 300.0), left),
            (Column::right(RIGHT, 100.0), right),
        ] {
            // One line is all there is room for.
            let line = style.wrap(text, column.width).swap_remove(0);
            let mark = mark(column, FOOT, style, line);
            self.pages[page].push(mark);
        }
    }

    fn put(&mut self, column: Column, y: f32, style: Style, text: String) {
        if !text.is_empty() {
            self.page().push(mark(column, y, style, text));
        }
    }

    fn page(&mut self) -> &mut Vec<Mark> {
        self.pages
            .last_mut()
            .expect("a sheet has a page from the start")
    }
}

fn mark(column: Column, y: f32, style: Style, text: String) -> Mark {
    let x = match column.side {
        Side::Left => column.edge,
        Side::Right => column.edge - style.width(&text),
    };
    Mark::Text { x, y, style, text }
}

/// From one baseline of a row to the next.
fn pitch(cells: &[(Column, Style, &str)]) -> f32 {
    let heights = cells.iter().map(|(_, style, _)| style.line_height());
    heights.fold(0.0, f32::max)
}
