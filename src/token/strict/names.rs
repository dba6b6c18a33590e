//! [`Names`]: which names an object has had.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// How many names are kept without memory of their own.
const INLINE: usize = 16;

/// The names met so far. A usual payload costs no allocation and hardly a comparison; a hostile one with
/// a thousand names stays quasi-linear.
#[derive(Default)]
pub(in crate::token) struct Names<'de> {
    /// One bit a name, by length and outer letters: a bit that is not set proves a name new.
    sketch: u64,
    /// `None` is one word to write where an empty text is two (19 instructions an object in `cost`).
    inline: [Option<&'de str>; INLINE],
    len: usize,
    /// Nearly always absent: even an empty set is not dropped for nothing.
    rest: Option<BTreeSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    /// Adds a name; `false` if it was there.
    #[inline]
    #[expect(
        clippy::ptr_arg,
        reason = "what is borrowed from the payload is kept without a copy"
    )]
    pub(in crate::token) fn insert(&mut self, name: &Cow<'de, str>) -> bool {
        let bit = sketch(name);
        let maybe_known = self.sketch & bit != 0;
        self.sketch |= bit;
        if maybe_known && self.is_known(name) {
            return false;
        }
        match (name, self.inline.get_mut(self.len)) {
            (Cow::Borrowed(text), Some(free)) => {
                *free = Some(text);
                self.len = self.len.saturating_add(1);
                true
            }
            _ => self.insert_into_rest(name.clone()),
        }
    }

    fn is_known(&self, name: &str) -> bool {
        let mut inline = self.inline.iter().take(self.len);
        inline.any(|known| *known == Some(name))
            || self.rest.as_ref().is_some_and(|rest| rest.contains(name))
    }

    #[cold]
    fn insert_into_rest(&mut self, name: Cow<'de, str>) -> bool {
        self.rest.get_or_insert_default().insert(name)
    }
}

/// The factors keep the registered claims and the usual others (`role`, `email`, `scope`, `tenant`…) apart.
#[inline]
fn sketch(name: &str) -> u64 {
    let (first, last) = (
        name.bytes().next().unwrap_or(0),
        name.bytes().next_back().unwrap_or(0),
    );
    let mix = name.len().wrapping_mul(6)
        ^ usize::from(first).wrapping_mul(17)
        ^ usize::from(last).wrapping_mul(36);
    1_u64.rotate_left(u32::from(mix.to_le_bytes()[0] & 63))
}
