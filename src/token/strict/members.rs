//! The members of one object, each name at most once.

use super::value::Seed;
use super::{Breach, MAX_DEPTH, Tap, name, refuse};
use crate::token::error::TokenError;
use serde::de::{DeserializeSeed, MapAccess};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Wraps a map: refuses duplicate names, offers members to a tap, hands the rest on.
pub(super) struct Members<'a, 'de, A, T> {
    map: A,
    tap: &'a mut T,
    breach: &'a Breach,
    depth: u8,
    names: Names<'de>,
}

impl<'a, A, T> Members<'a, '_, A, T> {
    pub(super) fn new(map: A, tap: &'a mut T, breach: &'a Breach, depth: u8) -> Self {
        Self {
            map,
            tap,
            breach,
            depth,
            names: Names::default(),
        }
    }
}

impl<'de, A: MapAccess<'de>, T: Tap<'de>> MapAccess<'de> for Members<'_, 'de, A, T> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.map.next_key_seed(name::Read)? {
            if !self.names.insert(&name) {
                return Err(refuse(self.breach, TokenError::Payload));
            }
            if !self.tap.take(&name, &mut self.map)? {
                return seed.deserialize(name::Name::new(name)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(Seed {
            of: seed,
            breach: self.breach,
            depth: self.depth,
        })
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

/// One level deeper, if there is one.
pub(super) fn deeper<E: serde::de::Error>(depth: u8, breach: &Breach) -> Result<u8, E> {
    match depth.checked_add(1) {
        Some(depth) if depth <= MAX_DEPTH => Ok(depth),
        _ => Err(refuse(breach, TokenError::Payload)),
    }
}

/// How many names are kept without memory of their own.
const INLINE: usize = 16;

/// The names met so far. A usual payload costs no allocation and hardly a comparison; a hostile one with
/// a thousand names stays quasi-linear.
#[derive(Default)]
struct Names<'de> {
    /// One bit a name, by length and outer letters: a bit that is not set proves a name new.
    sketch: u64,
    inline: [&'de str; INLINE],
    len: usize,
    rest: BTreeSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    /// Adds a name; `false` if it was there.
    #[expect(
        clippy::ptr_arg,
        reason = "what is borrowed from the payload is kept without a copy"
    )]
    fn insert(&mut self, name: &Cow<'de, str>) -> bool {
        let bit = sketch(name);
        let maybe_known = self.sketch & bit != 0;
        self.sketch |= bit;
        if maybe_known
            && (self.inline.iter().take(self.len).any(|known| known == name)
                || self.rest.contains(name))
        {
            return false;
        }
        match (name, self.inline.get_mut(self.len)) {
            (Cow::Borrowed(text), Some(free)) => {
                *free = text;
                self.len = self.len.saturating_add(1);
                true
            }
            _ => self.rest.insert(name.clone()),
        }
    }
}

fn sketch(name: &str) -> u64 {
    let (first, last) = (
        name.bytes().next().unwrap_or(0),
        name.bytes().next_back().unwrap_or(0),
    );
    let mix = name.len().wrapping_mul(29)
        ^ usize::from(first).wrapping_mul(5)
        ^ usize::from(last).wrapping_mul(11);
    1_u64.rotate_left(u32::from(mix.to_le_bytes()[0] & 63))
}
