//! How values look in pages: `{{ total|money }}`, `{{ placed_at|time }}`.
//!
//! A template finds these where its struct's file says `use crate::http::pages::filters;`.

use askama::filters::HtmlSafeOutput;
use askama::{Result, Values};
use chrono::{DateTime, Utc};
use kernel::{Currency, Money};
use platform::storage::MediaType;

/// An amount as people write it: `€1,234.50`, `−£3.00`.
#[askama::filter_fn]
pub fn money(amount: &Money, _: &dyn Values) -> Result<String> {
    Ok(format_money(*amount))
}

/// A moment with its time of day, in UTC.
#[askama::filter_fn]
pub fn time(moment: &DateTime<Utc>, _: &dyn Values) -> Result<HtmlSafeOutput<String>> {
    Ok(time_element(*moment, "%-d %B %Y, %H:%M UTC"))
}

/// A moment's day, in UTC.
#[askama::filter_fn]
pub fn date(moment: &DateTime<Utc>, _: &dyn Values) -> Result<HtmlSafeOutput<String>> {
    Ok(time_element(*moment, "%-d %B %Y"))
}

/// The size of a file: `870 bytes`, `34 KiB`, `2.1 MiB`.
#[askama::filter_fn]
pub fn file_size(bytes: &u64, _: &dyn Values) -> Result<String> {
    Ok(format_size(*bytes))
}

/// What a file is: `PNG`, `PDF`.
#[askama::filter_fn]
pub fn file_kind(media_type: &MediaType, _: &dyn Values) -> Result<&'static str> {
    Ok(match media_type {
        MediaType::Jpeg => "JPEG",
        MediaType::Png => "PNG",
        MediaType::WebP => "WebP",
        MediaType::Pdf => "PDF",
    })
}

fn time_element(moment: DateTime<Utc>, format: &str) -> HtmlSafeOutput<String> {
    let machine = moment.format("%Y-%m-%dT%H:%M:%SZ");
    let human = moment.format(format);
    HtmlSafeOutput(format!(r#"<time datetime="{machine}">{human}</time>"#))
}

fn format_size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    if bytes < KIB {
        format!("{bytes} bytes")
    } else if bytes < MIB {
        format!("{} KiB", bytes / KIB)
    } else {
        format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB)
    }
}

fn format_money(amount: Money) -> String {
    let symbol = match amount.currency() {
        Currency::Eur => "€",
        Currency::Usd => "$",
        Currency::Gbp => "£",
    };
    let sign = if amount.minor() < 0 { "−" } else { "" };
    let minor = amount.minor().unsigned_abs();
    let mut whole = (minor / 100).to_string();
    for at in (1..whole.len())
        .rev()
        .filter(|at| (whole.len() - at).is_multiple_of(3))
        .collect::<Vec<_>>()
    {
        whole.insert(at, ',');
    }
    format!("{sign}{symbol}{whole}.{:02}", minor % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1 KiB"),
            (1_048_575, "1023 KiB"),
            (1_048_576, "1.0 MiB"),
            (10_485_760, "10.0 MiB"),
        ] {
            assert_eq!(format_size(bytes), shown);
        }
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        for (minor, shown) in [
            (0, "€0.00"),
            (5, "€0.05"),
            (-300, "−€3.00"),
            (123_450, "€1,234.50"),
            (123_456_789, "€1,234,567.89"),
            (i64::MIN, "−€92,233,720,368,547,758.08"),
        ] {
            assert_eq!(format_money(Money::new(minor, Currency::Eur)), shown);
        }
    }

    #[test]
    fn a_moment_reads_for_people_and_for_programs() {
        let moment = DateTime::from_timestamp(1_767_614_400, 0).unwrap();
        assert_eq!(
            time_element(moment, "%-d %B %Y").to_string(),
            r#"<time datetime="2026-01-05T12:00:00Z">5 January 2026</time>"#
        );
    }
}
