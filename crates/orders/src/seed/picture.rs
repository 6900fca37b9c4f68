use sha2::{Digest as _, Sha256};

use super::motifs::MOTIFS;

/// The colours of a thing: its body, its shade, its light parts, its detail.
const COLOURS: [(&str, [&str; 4]); 10] = [
    ("clay", ["#d98e73", "#8a4b35", "#fdf0e6", "#3f6f7a"]),
    ("honey", ["#e3a535", "#8a5a14", "#fdf3d9", "#b3472f"]),
    ("ink", ["#45597e", "#22304c", "#e4e9f3", "#e58f65"]),
    ("leaf", ["#7a9a5e", "#41592f", "#f0f3df", "#d96c4f"]),
    ("petrol", ["#2f6f73", "#17403f", "#e3efe9", "#f0a868"]),
    ("rose", ["#b76e79", "#6c3742", "#fae7e4", "#4d7c7a"]),
    ("rust", ["#c8553d", "#7d2e23", "#f6e3d3", "#f2b950"]),
    ("sky", ["#5d8aa8", "#2c4e66", "#eaf2f6", "#f0c25a"]),
    ("slate", ["#3f4a5a", "#20262f", "#e8e6e1", "#e0734c"]),
    ("wood", ["#9c7653", "#573d28", "#f3e6d4", "#d9a441"]),
];

/// The colours of the wall, of a shape on the wall, and of the table: a room for each category.
const ROOMS: [[&str; 3]; 6] = [
    ["#efe4d6", "#e3d0b8", "#d2b894"],
    ["#e2ebe4", "#cbdcd0", "#aec6b6"],
    ["#f3e0d8", "#e9c9bc", "#d8ac9b"],
    ["#dfe6ee", "#c8d4e1", "#a9bacd"],
    ["#ecebdc", "#dcdabf", "#c3c199"],
    ["#eae1ec", "#d8c9dc", "#bfabc5"],
];

/// What is on the wall behind a thing.
const BACKDROPS: [&str; 5] = [
    r#"<circle cx="300" cy="270" r="200" fill="@shape"/>"#,
    r#"<path d="M110 470V270c0-240 380-240 380 0v200z" fill="@shape"/>"#,
    r#"<path d="M0 330c120-110 240 10 340-60s160-90 260-40v240H0z" fill="@shape"/>"#,
    r#"<rect x="90" y="90" width="420" height="380" rx="28" fill="@shape"/>"#,
    r#"<circle cx="430" cy="170" r="110" fill="@shape"/><circle cx="170" cy="330" r="150" fill="@shape"/>"#,
];

/// Draws a product as an SVG: its thing on a table, in the room of its category. `None` if there is no such motif or
/// colours.
///
/// Colours are attributes, not styles, so that the strictest content security policy shows them.
pub(super) fn picture(slug: &str, category: usize, motif: &str, colours: &str) -> Option<String> {
    let thing = named(&MOTIFS, motif)?;
    let [main, dark, light, accent] = named(&COLOURS, colours)?;
    let [wall, shape, table] = ROOMS[category % ROOMS.len()];
    let chance = usize::from(Sha256::digest(slug)[0]);
    let backdrop = BACKDROPS[chance % BACKDROPS.len()].replace("@shape", shape);
    let thing = thing
        .replace("@main", main)
        .replace("@dark", dark)
        .replace("@light", light)
        .replace("@accent", accent);
    Some(format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600" viewBox="0 0 600 600">"#,
            r#"<rect width="600" height="600" fill="{wall}"/>{backdrop}"#,
            r#"<rect y="440" width="600" height="160" fill="{table}"/>"#,
            r##"<ellipse cx="300" cy="470" rx="190" ry="20" fill="#000" opacity=".14"/>{thing}</svg>"##,
        ),
        wall = wall,
        backdrop = backdrop,
        table = table,
        thing = thing,
    ))
}

fn named<T: Copy>(list: &[(&str, T)], name: &str) -> Option<T> {
    list.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value)
}
