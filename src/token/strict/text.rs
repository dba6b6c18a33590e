//! Strings (RFC 8259 §7): borrowed where they hold no escape, which is nearly always.

use super::reader::{Fault, Reader};
use crate::user::bytes::has;
use std::borrow::Cow;

impl<'de> Reader<'de> {
    /// A string; what is none is left alone and unfit.
    #[inline]
    pub(in crate::token) fn text(&mut self) -> Result<Cow<'de, str>, Fault> {
        if self.peek() != Some(b'"') {
            return Err(Fault::Unfit);
        }
        self.step();
        let rest = self.text.get(self.at..).unwrap_or_default();
        match quote(rest.as_bytes()).and_then(|at| rest.get(..at)) {
            Some(text) if self.plain => {
                self.at = self.at.saturating_add(text.len()).saturating_add(1);
                Ok(Cow::Borrowed(text))
            }
            _ => self.any_text(),
        }
    }

    /// The same for strings that may hold an escape or anything else, behind their first quote.
    #[cold]
    fn any_text(&mut self) -> Result<Cow<'de, str>, Fault> {
        let plain = self.plain_run();
        match self.text.as_bytes().get(self.at) {
            Some(b'"') => {
                self.step();
                Ok(Cow::Borrowed(plain))
            }
            _ => self.escaped(plain.to_owned()).map(Cow::Owned),
        }
    }

    /// The characters up to the next quote, escape or control character, or the end.
    fn plain_run(&mut self) -> &'de str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let run = rest.get(..plain_len(rest.as_bytes())).unwrap_or_default();
        self.at = self.at.saturating_add(run.len());
        run
    }

    /// The rest of a string from its first escape on.
    fn escaped(&mut self, mut text: String) -> Result<String, Fault> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.step();
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.step();
                    text.push(self.escape().ok_or_else(|| self.malformed())?);
                    text.push_str(self.plain_run());
                }
                // A control character, or the end of the text.
                _ => return Err(self.malformed()),
            }
        }
    }

    /// The character behind a backslash. A surrogate without its other half is none (RFC 8259 §8.2).
    fn escape(&mut self) -> Option<char> {
        let letter = *self.text.as_bytes().get(self.at)?;
        self.step();
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.code_unit()?;
                if !(0xd800..0xdc00).contains(&unit) {
                    return char::from_u32(unit.into());
                }
                self.word("\\u").ok()?;
                char::decode_utf16([unit, self.code_unit()?]).next()?.ok()?
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn code_unit(&mut self) -> Option<u16> {
        let end = self.at.saturating_add(4);
        let digits = self.text.get(self.at..end)?;
        // `from_str_radix` would take a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        self.at = end;
        u16::from_str_radix(digits, 16).ok()
    }
}

/// Whether text has neither escapes nor control characters, as most payloads. Asked once for all of its strings.
pub(super) fn is_plain(text: &[u8]) -> bool {
    !has(text, |byte| byte < 0x20 || byte == b'\\')
}

/// Whether a string with this text can't be written as it is (RFC 8259 §7).
pub(in crate::token) fn needs_escape(text: &str) -> bool {
    has(text.as_bytes(), |byte| {
        byte < 0x20 || byte == b'\\' || byte == b'"'
    })
}

/// Where the first quote is. Names and short values lie within the first eight bytes.
#[inline]
pub(super) fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    if let Some(word) = bytes.first_chunk::<8>() {
        // A byte that is a quote becomes zero, and of the zeroes the lowest is sure to set its high bit.
        let others = u64::from_le_bytes(*word) ^ ONES.wrapping_mul(0x22);
        let quotes = others.wrapping_sub(ONES) & !others & ONES.wrapping_mul(0x80);
        if quotes != 0 {
            return usize::try_from(quotes.trailing_zeros() >> 3).ok();
        }
    }
    memchr::memchr(b'"', bytes)
}

/// How many bytes stand for themselves.
fn plain_len(bytes: &[u8]) -> usize {
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    bytes.iter().position(is_special).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{is_plain, needs_escape, quote};

    #[test]
    fn the_first_quote_is_found_wherever_it_is_and_whatever_surrounds_it() {
        for len in (0..70).chain([79, 80, 81, 127, 128, 129]) {
            for at in 0..len {
                for byte in 0..=255_u8 {
                    for around in [b'a', b'"', b'"' + 1, b'"' ^ 0x80, 0, 0xff] {
                        let mut bytes = vec![around; len];
                        bytes[at] = byte;
                        let found = bytes.iter().position(|byte| *byte == b'"');
                        assert_eq!(quote(&bytes), found, "{bytes:?}");
                    }
                    let mut bytes = vec![b'~'; len];
                    bytes[at] = byte;
                    assert_eq!(is_plain(&bytes), byte >= 0x20 && byte != b'\\', "{bytes:?}");
                    if let Ok(text) = core::str::from_utf8(&bytes) {
                        let written = serde_json::to_string(text).unwrap();
                        assert_eq!(needs_escape(text), written.len() > len + 2, "{bytes:?}");
                    }
                }
            }
        }
    }
}
