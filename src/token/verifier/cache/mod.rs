//! [`Cache`]: tokens that were verified already, so that the next request with one costs a look and no signature.
//!
//! What it must never do is make good what would be refused, so:
//!
//! - Only verified tokens enter. Refusals are not remembered: strangers can't fill it.
//! - A hit is the whole text, byte by byte. The tag only finds the place: a lossy key made two tokens one
//!   (CVE-2026-35039). It is keyed, so nobody can aim at a place, and texts are compared only behind 64 equal bits of it, so
//!   the time of comparing tells nothing.
//! - Time is asked at every hit: `exp`, `nbf` and `iat` with the leeway, and the end of the key's overlap, as if verified
//!   anew. What is outside is verified anew, and refused for the reason there is.
//! - It belongs to one verifier, whose keys never change: who rotates keys builds a verifier, and begins with an empty cache.
//! - Its bytes are bounded, tokens in it are wiped when they leave, and the least recently used leave first. Claims are
//!   charged what was counted while they were read: some claims are the user's to write (a profile, say), and as
//!   Rust values they can take a hundred times the memory of their text.
//!
//! Threads don't share what they look at: each has a stripe to itself as far as stripes go, and with it locks and counts
//! of its own. So a token that all threads see is verified once by each, and then none waits for another.

#[cfg(test)]
mod tests;

use core::any::Any;
use core::hash::{BuildHasher as _, Hasher as _};
use core::time::Duration;
use std::hash::RandomState;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use zeroize::Zeroizing;

/// What is remembered of a token beside its text: the claims as the application reads them, of any type.
pub(super) type Remembered = Arc<dyn Any + Send + Sync>;

/// When a token is good: from the first time up to the second, which is over.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Duration,
    pub(super) until: Duration,
}

/// The bytes that an entry is charged: no more than a set has.
#[derive(Clone, Copy)]
pub(super) struct Room(usize);

/// A token that was verified before and would be found good again.
pub(super) struct Hit<T> {
    pub(super) found: Option<T>,
    /// The time of asking.
    pub(super) now: Duration,
    pub(super) until: Duration,
}

/// More stripes divide the memory for no use: so many threads verify at once that some may meet.
const MAX_STRIPES: usize = 16;
/// Tokens that fall into one set, and the bytes they may take in it together.
const WAYS: usize = 16;
const SET_BYTES: usize = 16 * 1024;
/// What an entry takes beside the text and claims of its token: itself, an `Arc`'s two counts, and 24 bytes for each of
/// five allocations (entry, token, claims, `sub`, `jti`).
const ENTRY_BYTES: usize = size_of::<Entry>() + 16 + 5 * 24;
/// The last characters of a token: of its signature, so that they are as good as random.
const TAIL: usize = 24;

pub(super) struct Cache {
    stripes: Box<[Box<[Mutex<Set>]>]>,
    hasher: RandomState,
}

struct Set {
    tags: [u64; WAYS],
    entries: [Option<Box<Entry>>; WAYS],
    /// How many of [`SET_BYTES`] are in use, the set's own included.
    bytes: usize,
    /// Counts what is asked of this set, for the order of use.
    turn: u64,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            tags: [0; WAYS],
            entries: [const { None }; WAYS],
            bytes: size_of::<Mutex<Self>>(),
            turn: 0,
        }
    }
}

struct Entry {
    token: Zeroizing<Box<[u8]>>,
    window: Window,
    claims: Remembered,
    bytes: usize,
    used: u64,
}

impl Cache {
    /// The least it can do with: one stripe of one set.
    pub(super) const MIN_BYTES: usize = SET_BYTES;

    pub(super) fn new(max_bytes: usize) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let fit = max_bytes.checked_div(SET_BYTES).unwrap_or(1).max(1);
        let stripes = threads.min(MAX_STRIPES).min(fit);
        let sets = fit.checked_div(stripes).unwrap_or(1).max(1);
        let stripe = || (0..sets).map(|_| Mutex::default()).collect();
        Self {
            stripes: (0..stripes).map(|_| stripe()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Looks for the token, asks for the time only if it is there, and hands over what is `wanted` of it. It may be there
    /// more than once, with claims of several types.
    pub(super) fn look<T>(
        &self,
        token: &str,
        now: impl FnOnce() -> Duration,
        wanted: impl Fn(&Remembered) -> Option<T>,
    ) -> Option<Hit<T>> {
        let tag = self.tag(token)?;
        let mut set = (self.set(tag)?.lock()).unwrap_or_else(PoisonError::into_inner);
        let Set {
            tags,
            entries,
            turn,
            ..
        } = &mut *set;
        let mut found = (tags.iter().zip(entries))
            .filter(|(known, _)| **known == tag)
            .filter_map(|(_, entry)| entry.as_deref_mut())
            .filter(|entry| **entry.token == *token.as_bytes())
            .peekable();
        found.peek()?;
        let now = now();
        *turn = turn.wrapping_add(1);
        let mut hit = None;
        for entry in found.filter(|entry| entry.window.from <= now && now < entry.window.until) {
            entry.used = *turn;
            let found = wanted(&entry.claims);
            let is_found = found.is_some();
            hit = Some(Hit {
                found,
                now,
                until: entry.window.until,
            });
            if is_found {
                break;
            }
        }
        hit
    }

    /// The room for a token whose claims take at most so many bytes; `None` if they do not fit or are not bounded.
    pub(super) fn room(token: &str, claims: Option<usize>) -> Option<Room> {
        let bytes = (token.len().saturating_add(ENTRY_BYTES)).saturating_add(claims?);
        (bytes <= SET_BYTES.saturating_sub(size_of::<Mutex<Set>>())).then_some(Room(bytes))
    }

    /// Remembers a token that was verified at `now`.
    pub(super) fn remember(
        &self,
        token: &str,
        now: Duration,
        window: Window,
        claims: Remembered,
        Room(bytes): Room,
    ) {
        let Some((tag, set)) = self.tag(token).and_then(|tag| Some((tag, self.set(tag)?))) else {
            return;
        };
        let entry = Box::new(Entry {
            token: Zeroizing::new(token.as_bytes().into()),
            window,
            claims,
            bytes,
            used: 0,
        });
        // What leaves is dropped when nobody waits any more: that may run code of the application's types.
        let _left = (set.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tag, entry, now);
    }

    fn tag(&self, token: &str) -> Option<u64> {
        let tail = token.as_bytes().last_chunk::<TAIL>()?;
        let mut hasher = self.hasher.build_hasher();
        hasher.write(tail);
        Some(hasher.finish())
    }

    fn set(&self, tag: u64) -> Option<&Mutex<Set>> {
        let sets = self.stripes.get(seat().checked_rem(self.stripes.len())?)?;
        // The tag as a fraction, times the number of sets: a remainder would take a division.
        let scaled = u128::from(tag).checked_mul(u128::try_from(sets.len()).ok()?)?;
        sets.get(usize::try_from(scaled >> 64).ok()?)
    }
}

impl Set {
    /// Puts an entry in and answers those that had to leave: those that are over, then the least recently used.
    fn insert(&mut self, tag: u64, mut entry: Box<Entry>, now: Duration) -> Vec<Entry> {
        let mut left = Vec::new();
        for way in 0..WAYS {
            let slot = self.entries.get(way).and_then(Option::as_ref);
            if slot.is_some_and(|entry| entry.window.until <= now) {
                left.extend(self.take(way));
            }
        }
        self.turn = self.turn.wrapping_add(1);
        entry.used = self.turn;
        loop {
            let free = self.entries.iter().position(Option::is_none);
            let room = SET_BYTES.saturating_sub(self.bytes);
            if let Some(way) = free.filter(|_| entry.bytes <= room)
                && let Some(slot) = self.entries.get_mut(way)
                && let Some(known) = self.tags.get_mut(way)
            {
                self.bytes = self.bytes.saturating_add(entry.bytes);
                *known = tag;
                *slot = Some(entry);
                return left;
            }
            let ways = self.entries.iter().enumerate();
            let used = ways.filter_map(|(way, entry)| Some((entry.as_ref()?.used, way)));
            match used.min() {
                Some((_, way)) => left.extend(self.take(way)),
                // Not reached: an entry that fits into a set fits into an empty one.
                None => return left,
            }
        }
    }

    fn take(&mut self, way: usize) -> Option<Entry> {
        let entry = self.entries.get_mut(way)?.take()?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some(*entry)
    }
}

/// A number for each thread, one after the other.
fn seat() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SEAT: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    SEAT.try_with(|seat| *seat).unwrap_or_default()
}
