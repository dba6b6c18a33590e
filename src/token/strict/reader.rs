//! [`Reader`]: where in the text we are, how deep, and what was refused on the way.

use super::MAX_DEPTH;
use super::footprint::{Footprint, Slots};
use super::members::Members;
use super::text::is_plain;
use crate::token::error::TokenError;

/// Reads JSON text from front to back, once.
///
/// Whatever it refuses it remembers, so that nobody who swallows an error can make it forget.
pub(in crate::token) struct Reader<'de> {
    pub(super) text: &'de str,
    pub(super) at: usize,
    /// Whether every string of the text is known to end at the next quote.
    pub(super) plain: bool,
    /// A bound on the memory of the values read so far.
    pub(super) footprint: Footprint,
    depth: u8,
    /// How many more names all objects together may have.
    names_left: usize,
    malformed: TokenError,
    breach: Option<TokenError>,
}

/// Why reading ended early. What was refused stands in the [`Reader`]; this carries nothing and costs nothing.
#[derive(Clone, Copy, Debug)]
pub(in crate::token) enum Fault {
    /// The reader refused, and remembers why.
    Refused,
    /// A value is not of the type that was asked for.
    Unfit,
}

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the text is not as expected")
    }
}

impl core::error::Error for Fault {}

impl serde::de::Error for Fault {
    /// The words of a type's own error would echo what the token says: they are dropped unread.
    fn custom<T: core::fmt::Display>(_: T) -> Self {
        Self::Unfit
    }
}

impl<'de> Reader<'de> {
    pub(super) fn new(text: &'de str, max_names: Option<usize>, malformed: TokenError) -> Self {
        Self {
            text,
            at: 0,
            // Where names are counted, none may come by on the short way.
            plain: max_names.is_none() && is_plain(text.as_bytes()),
            footprint: Footprint::default(),
            depth: 0,
            names_left: max_names.unwrap_or(usize::MAX),
            malformed,
            breach: None,
        }
    }

    /// Remembers the first thing refused.
    #[cold]
    pub(in crate::token) fn refuse(&mut self, with: TokenError) -> Fault {
        self.breach.get_or_insert(with);
        Fault::Refused
    }

    /// Refuses text that is not JSON as a token may have it.
    #[cold]
    pub(super) fn malformed(&mut self) -> Fault {
        self.refuse(self.malformed)
    }

    pub(super) fn breach(&self) -> Option<TokenError> {
        self.breach
    }

    /// The next byte that is no white space (RFC 8259 §2), left where it is.
    #[inline]
    pub(in crate::token) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.step(),
                other => return other.copied(),
            }
        }
    }

    /// Over one byte that has been looked at.
    #[inline]
    pub(super) fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Over exactly this byte.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.step();
            Ok(())
        } else {
            Err(self.malformed())
        }
    }

    /// Over exactly this word.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Fault> {
        match self.text.get(self.at..) {
            Some(rest) if rest.starts_with(word) => {
                self.at = self.at.saturating_add(word.len());
                Ok(())
            }
            _ => Err(self.malformed()),
        }
    }

    /// Into an object or array, if it is not too deep; answers the depth inside.
    #[inline]
    pub(super) fn open(&mut self, bracket: u8) -> Result<u8, Fault> {
        self.expect(bracket)?;
        match self.depth.checked_add(1) {
            Some(depth) if depth <= MAX_DEPTH => {
                self.depth = depth;
                Ok(depth)
            }
            _ => Err(self.malformed()),
        }
    }

    /// Counts a name, and refuses one too many.
    pub(super) fn count_name(&mut self) -> Result<(), Fault> {
        match self.names_left.checked_sub(1) {
            Some(left) => {
                self.names_left = left;
                Ok(())
            }
            None => Err(self.malformed()),
        }
    }

    /// To the next member or item at `depth`: `false` behind the last one, having left the object or array.
    #[inline]
    pub(super) fn next_at(&mut self, depth: u8, first: bool, bracket: u8) -> Result<bool, Fault> {
        match self.peek() {
            // A type that gave up inside a value, and whose error was swallowed, has left us somewhere below.
            _ if depth != self.depth => Err(self.malformed()),
            Some(byte) if byte == bracket => {
                self.step();
                self.depth = depth.saturating_sub(1);
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.step();
                // `[1,]` is not JSON.
                if self.peek() == Some(bracket) {
                    return Err(self.malformed());
                }
                Ok(true)
            }
            _ => Err(self.malformed()),
        }
    }

    /// Over an array, each item read by `item`.
    pub(in crate::token) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let depth = self.open(b'[')?;
        let mut first = true;
        while self.next_at(depth, first, b']')? {
            first = false;
            item(self)?;
        }
        Ok(())
    }

    /// Whether the reader stands in the object or array that was entered at `depth`.
    #[inline]
    pub(super) fn is_at(&self, depth: u8) -> bool {
        self.depth == depth
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.depth == 0 && self.peek().is_none()
    }

    /// Over one value of any kind, as strictly as if somebody read it.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.text().map(drop),
            Some(b'{') => {
                let mut members = Members::open(self, Slots::NONE)?;
                while members.next_name()?.is_some() {
                    members.reader.skip()?;
                }
                Ok(())
            }
            Some(b'[') => self.array(Self::skip),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.finite_number().map(drop),
        }
    }
}
