use anyhow::{Context as _, anyhow};
use chrono::{Datelike as _, Timelike as _};
use krilla::Document;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::TextDirection;

use super::sheet::{HEIGHT, LEFT, Mark, RIGHT, Sheet, WIDTH};
use super::typeface::Ink;
use crate::invoice::Invoice;

pub(super) fn draw(invoice: &Invoice, sheet: &Sheet) -> anyhow::Result<Vec<u8>> {
    let mut document = Document::new();
    document.set_metadata(metadata(invoice));
    for marks in sheet.pages() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).context("A4 has a size")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            draw_mark(&mut surface, mark);
        }
        surface.finish();
        page.finish();
    }
    document
        .finish()
        .map_err(|error| anyhow!("write PDF: {error:?}"))
}

fn draw_mark(surface: &mut Surface<'_>, mark: &Mark) {
    match mark {
        Mark::Text { x, y, style, text } => {
            surface.set_fill(Some(fill(style.ink)));
            surface.draw_text(
                Point::from_xy(*x, *y),
                style.font(),
                style.size,
                text,
                false,
                TextDirection::Auto,
            );
        }
        Mark::Rule { y } => {
            let mut path = PathBuilder::new();
            if let Some(line) = Rect::from_xywh(LEFT, *y, RIGHT - LEFT, 0.75) {
                path.push_rect(line);
            }
            if let Some(path) = path.finish() {
                surface.set_fill(Some(fill(Mark::RULE_INK)));
                surface.draw_path(&path);
            }
        }
    }
}

fn fill(ink: Ink) -> Fill {
    Fill {
        paint: ink.colour().into(),
        ..Fill::default()
    }
}

fn metadata(invoice: &Invoice) -> Metadata {
    let at = invoice.issued_at;
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    let date = DateTime::new(u16::try_from(at.year()).unwrap_or_default())
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0);
    Metadata::new()
        .title(format!("{} {}", invoice.kind.title(), invoice.number))
        .authors(vec![invoice.content.seller.name.clone()])
        .language("en".to_owned())
        .creation_date(date)
}
