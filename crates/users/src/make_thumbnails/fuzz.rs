use image::GenericImageView as _;

use super::*;

#[test]
fn whatever_is_uploaded_becomes_a_square_or_is_refused() {
    fuzzing::slow_bytes("picture", |file| {
        for stated in ["image/png", "image/jpeg", "image/webp"] {
            if let Ok(picture) = read(file, stated) {
                assert_eq!(picture.dimensions(), (LARGE, LARGE));
            }
        }
    });
}
