//! Text that people enter for other people to read.

/// Whether `text` reads as one line and shows something.
///
/// No character may break the line or hide: no control character (Unicode's category Cc), separator of lines or paragraphs
/// (Zl, Zp) or format character (Cf). Those of the last kind reorder what is around them, so that a name can pass for
/// another ("Trojan Source", CVE-2021-42574). The zero-width joiner and non-joiner are allowed all the same: Persian, several
/// scripts of India, and emoji are not written without them.
#[must_use]
pub fn is_visible_line(text: &str) -> bool {
    !text.chars().any(breaks_or_hides) && text.chars().any(shows)
}

fn breaks_or_hides(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || is_format(c) && !is_joiner(c)
}

/// Whether one sees the character by itself.
fn shows(c: char) -> bool {
    // Fillers, blanks and selectors of variants, which are letters, marks and symbols by category.
    let blank = matches!(
        c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180d}' | '\u{180f}'
            | '\u{2065}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    );
    !c.is_whitespace() && !is_joiner(c) && !blank
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Category Cf of Unicode 15 (`DerivedGeneralCategory.txt`). What a later version adds, passes.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0001}' | '\u{e0020}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_are_called_is_a_line() {
        for text in [
            "Ann Lee",
            "O’Neill-Śmith 3rd",
            "محمد",
            "می\u{200c}خواهم",
            "ക\u{d4d}\u{200d}",
            "👩\u{200d}🚀 Ann",
            "❤\u{fe0f}",
            "朝 日",
        ] {
            assert!(is_visible_line(text), "{text:?}");
        }
    }

    #[test]
    fn what_breaks_the_line_or_hides_is_none() {
        for hidden in [
            '\0',
            '\n',
            '\u{85}',
            '\u{2028}',
            '\u{2029}',
            '\u{ad}',
            '\u{200b}',
            '\u{200f}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            let text = format!("Ann{hidden}Lee");
            assert!(!is_visible_line(&text), "{text:?}");
        }
    }

    #[test]
    fn a_line_that_shows_nothing_is_none() {
        for text in [
            "",
            " \u{a0}\u{3000}",
            "\u{200d}\u{200c}",
            "\u{3164}",
            "\u{2800} \u{fe0f}",
        ] {
            assert!(!is_visible_line(text), "{text:?}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_visible_line_is_one_line_and_shows_something() {
        fuzzing::text("visible_line", |text| {
            if is_visible_line(text) {
                assert!(!text.chars().any(char::is_control));
                assert!(!text.contains(['\u{2028}', '\u{2029}', '\u{202e}']));
                assert!(!text.trim().is_empty());
            }
        });
    }
}
