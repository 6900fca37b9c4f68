use std::io::Cursor;

use anyhow::Context as _;
use bytes::Bytes;
use image::{ImageFormat, Rgb, RgbImage};

const FLOOR: Rgb<u8> = Rgb([0xd8, 0xd3, 0xc8]);
const BOARD: Rgb<u8> = Rgb([0xc0, 0x96, 0x63]);
const TAPE: Rgb<u8> = Rgb([0xe3, 0xc9, 0x98]);
const DENT: Rgb<u8> = Rgb([0x7a, 0x58, 0x33]);

/// A customer's picture of a parcel that has seen better days, as a PNG.
pub(super) fn of_a_dented_parcel() -> anyhow::Result<Bytes> {
    let photo = RgbImage::from_fn(320, 240, |x, y| {
        let inside = (60..260).contains(&x) && (50..200).contains(&y);
        let (right, down) = (x.abs_diff(235), y.abs_diff(70));
        match inside {
            false => FLOOR,
            true if right * right + 2 * down * down < 1_600 => DENT,
            true if (148..172).contains(&x) => TAPE,
            true => BOARD,
        }
    });
    let mut file = Cursor::new(Vec::new());
    let encoded = photo.write_to(&mut file, ImageFormat::Png);
    encoded.context("encode photo")?;
    Ok(file.into_inner().into())
}
