//! Which characters identifiers may have.

/// Whether `text` has no invisible characters, so that two identifiers that look the same are the same.
///
/// Refuses control characters, format characters (zero-width, bidirectional), line and paragraph separators (general
/// categories Cc, Cf, Zl, Zp), the blank braille pattern U+2800, and white space at either end. Letters that resemble
/// each other (confusables) are not detected. Empty text is clean: the caller checks the length.
pub(crate) fn is_clean(text: &str) -> bool {
    // Without a branch inside, so that the compiler looks at many bytes at a time.
    let is_other = |found, byte| found | u8::from(!(b' '..=b'~').contains(&byte));
    if text.bytes().fold(0, is_other) == 0 {
        // Nearly always: printable ASCII.
        return !text.starts_with(' ') && !text.ends_with(' ');
    }
    !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.chars().any(is_invisible)
}

fn is_invisible(c: char) -> bool {
    const BLANK_BRAILLE: char = '\u{2800}';
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | BLANK_BRAILLE)
        || FORMAT
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&c))
}

/// General category Cf of Unicode 17.0.0 (`DerivedGeneralCategory.txt`).
const FORMAT: [(char, char); 21] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{2064}'),
    ('\u{2066}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0001}', '\u{e0001}'),
    ('\u{e0020}', '\u{e007f}'),
];

#[cfg(test)]
mod tests {
    use super::is_clean;
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

    #[test]
    fn every_character_of_the_refused_categories_is_refused_and_no_other() {
        for c in '\0'..=char::MAX {
            let is_refused = matches!(
                c.general_category(),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
            ) || c == '\u{2800}';
            assert_eq!(is_clean(&format!("a{c}b")), !is_refused, "{c:?}");
            let is_clean_at_the_ends = !is_refused && !c.is_whitespace();
            for text in [format!("{c}b"), format!("a{c}"), c.to_string()] {
                assert_eq!(is_clean(&text), is_clean_at_the_ends, "{text:?}");
            }
        }
    }

    #[test]
    fn ordinary_names_are_clean() {
        for text in [
            "",
            "42",
            "first last",
            "été",
            "日本 語",
            "a\u{a0}b",
            "\u{1f600}",
        ] {
            assert!(is_clean(text), "{text:?}");
        }
    }
}
