//! Which texts may identify somebody: those that look like what they are.

use super::bytes::has;
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// Tells whether a text shows all that it holds: not empty, no white space at its ends, and no character that is
/// invisible, ends a line, or changes the direction of others.
///
/// Two identifiers that look alike on a screen could otherwise be two users, roles or tokens. Letters that resemble
/// each other (Latin `a`, Cyrillic `а`) are not detected.
pub(crate) fn is_clean(text: &str) -> bool {
    if !has(text.as_bytes(), |byte| !(b' '..=b'~').contains(&byte)) {
        // Nearly always: printable ASCII.
        return match (text.as_bytes().first(), text.as_bytes().last()) {
            (Some(first), Some(last)) => *first != b' ' && *last != b' ',
            _ => false,
        };
    }
    is_clean_unicode(text)
}

/// The same for text of any characters. Apart from [`is_clean`], whose every call would otherwise save registers for
/// it (11 instructions in `cost`).
#[cold]
fn is_clean_unicode(text: &str) -> bool {
    !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && text.chars().all(is_visible)
}

/// Not a control (Cc), a format character (Cf), a line or paragraph separator (Zl, Zp), and none of the characters of
/// other categories that print as nothing: the Hangul fillers and the blank pattern of Braille.
fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    !matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) && !matches!(
        c,
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    )
}

#[cfg(test)]
mod tests {
    use super::{is_clean, is_visible};
    use regex_syntax::hir::{Class, HirKind};

    #[test]
    fn every_character_is_judged_as_the_tables_of_another_source_say() {
        let class = regex_syntax::parse(r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]").unwrap();
        let HirKind::Class(Class::Unicode(class)) = class.kind() else {
            panic!("a class of characters");
        };
        let mut invisible = 0;
        for c in '\0'..=char::MAX {
            let listed = class
                .iter()
                .any(|range| (range.start()..=range.end()).contains(&c));
            let blank = matches!(
                c,
                '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
            );
            assert_eq!(is_visible(c), !listed && !blank, "U+{:04X}", u32::from(c));
            invisible += u32::from(listed);
        }
        assert!(invisible > 200, "{invisible}");
    }

    #[test]
    fn a_text_that_hides_something_is_not_clean() {
        for text in [
            "",
            " ",
            "   ",
            " a",
            "a ",
            "a\u{a0}",
            "\u{3000}a",
            "a\tb",
            "a\nb",
            "\u{7f}",
            "a\u{85}b",
            "a\u{ad}b",
            "admin\u{200b}",
            "\u{202e}nimda",
            "a\u{2028}b",
            "a\u{2029}b",
            "\u{feff}a",
            "\u{2800}",
            "a\u{2800}b",
            "a\u{e0041}b",
            "a\u{3164}",
        ] {
            assert!(!is_clean(text), "{text:?}");
        }
        for text in [
            "a",
            "42",
            "Anna Müller",
            "auth0|5f7c",
            "管理者",
            "مدير",
            "администратор",
            "e\u{301}",
            "☃",
        ] {
            assert!(is_clean(text), "{text:?}");
        }
    }
}
