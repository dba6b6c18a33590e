//! [`Footprint`]: an upper bound on the memory of the values that JSON text is read into.

use core::any::type_name;
use std::borrow::Cow;

/// An allocator's own share of each allocation: its header, and rounding up.
const ALLOCATION: usize = 24;

/// Adds up, while values are read, how many bytes they may take.
///
/// serde names the Rust type of every value that it asks for, so its size is a constant here. Charged are the
/// value's own size and one allocation, the bytes of text, and the room that a growing collection reserves. The
/// length of the JSON text says little: `[{},{},{}]` may take a hundred times its own length.
#[derive(Clone, Copy, Default)]
pub(in crate::token) struct Footprint(usize);

impl Footprint {
    /// Additions saturate, so it stays unknown.
    const UNKNOWN: usize = usize::MAX;

    /// The bound in bytes; `None` if it is unknown.
    pub(in crate::token) fn bytes(self) -> Option<usize> {
        Some(self.0).filter(|bytes| *bytes != Self::UNKNOWN)
    }

    fn add(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(bytes);
    }

    /// Charges a value of type `T`, which may be allocated on its own.
    #[inline]
    pub(super) fn value<T>(&mut self) {
        self.add(size_of::<T>().saturating_add(ALLOCATION));
    }

    /// Charges the bytes of a text.
    #[inline]
    #[expect(clippy::ptr_arg, reason = "spare capacity counts too")]
    pub(super) fn text(&mut self, text: &Cow<'_, str>) {
        self.add(match text {
            Cow::Borrowed(text) => text.len(),
            // Moved into the value with its spare capacity.
            Cow::Owned(text) => text.capacity(),
        });
    }

    /// Charges a collection's room for one more `T`.
    #[inline]
    pub(super) fn room<T>(&mut self, slots: Slots) {
        let one = size_of::<T>().saturating_add(align_of::<T>());
        self.add(one.saturating_mul(slots.quarters) >> 2);
    }

    /// Gives up if `T`, read by `deserialize_any`, may be a buffer from which other values are made later: their
    /// types never come by here. `is_composite`: from an array or object.
    ///
    /// serde's derive buffers `untagged`, `flatten` and internally tagged types in a private type named `Content`.
    /// `serde_json`'s values keep what they read. Of other types an array or object cannot be bounded.
    #[inline]
    pub(super) fn of_any_kind<T>(&mut self, is_composite: bool) {
        let name = type_name::<T>();
        if name != "serde_json::value::Value" && (is_composite || name.contains("Content")) {
            self.0 = Self::UNKNOWN;
        }
    }
}

/// How much room a collection reserves for its next item, in quarters of an item.
///
/// A B-tree starts with a node of 11 items, a vector or hash table with 8 or fewer. Later, at least 7/16 of the
/// room is in use.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    quarters: usize,
}

impl Slots {
    /// An empty collection.
    pub(super) const COLLECTION: Self = Self { quarters: 44 };
    /// A struct or tuple: its type's size already includes its items.
    pub(super) const NONE: Self = Self { quarters: 0 };

    pub(super) fn is_collection(self) -> bool {
        self.quarters != 0
    }

    /// To the item after this one.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.quarters = self.quarters.min(9);
    }
}

#[cfg(test)]
mod tests {
    use super::{Footprint, Slots};
    use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
    use std::mem::size_of;

    /// What is charged for the room of a collection.
    fn room<T>(items: usize) -> usize {
        let (mut footprint, mut slots) = (Footprint::default(), Slots::COLLECTION);
        for _ in 0..items {
            footprint.room::<T>(slots);
            slots.advance();
        }
        footprint.bytes().unwrap()
    }

    #[test]
    fn growing_collections_never_reserve_more_room_than_is_charged() {
        let (mut vector, mut map, mut set) = (Vec::new(), HashMap::new(), HashSet::new());
        for n in 1..2_000_usize {
            vector.push([n; 3]);
            map.insert(n, [n; 3]);
            set.insert(n);
            assert!(vector.capacity() * size_of::<[usize; 3]>() <= room::<[usize; 3]>(n));
            // A table of hashes has a power of two of places, of which it fills seven of eight.
            let places = |capacity: usize| (capacity * 8 / 7).next_power_of_two();
            let pairs = room::<usize>(n) + room::<[usize; 3]>(n);
            assert!(
                places(map.capacity()) * (size_of::<[usize; 4]>() + 1) <= pairs,
                "{n}"
            );
            assert!(places(set.capacity()) * (size_of::<usize>() + 1) <= room::<usize>(n));
        }
    }

    #[test]
    fn an_unknown_footprint_stays_unknown() {
        let mut footprint = Footprint::default();
        footprint.of_any_kind::<serde_json::Value>(true);
        footprint.of_any_kind::<u8>(false);
        assert_eq!(footprint.bytes(), Some(0));
        footprint.of_any_kind::<BTreeMap<u8, BTreeSet<u8>>>(true);
        footprint.value::<u8>();
        assert_eq!(footprint.bytes(), None);
    }
}
