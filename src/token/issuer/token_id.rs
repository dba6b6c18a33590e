//! The `jti` of tokens: 128 bits from the backend's generator, drawn in blocks.
//!
//! A draw of 16 bytes costs about as much as one of 512, and as much as signing with HMAC. So each thread draws for 128
//! tokens at a time, hands the bytes out once, and wipes what it hands out and what is left when it ends.
//!
//! The generator notices by itself that a process was forked or a virtual machine resumed from a snapshot, and starts
//! anew; a block drawn before would be in both copies. So each name is mixed with the time of issue in
//! nanoseconds: two copies give one name to two tokens only if they issue them at the same nanosecond, and none of the 128
//! bits is lost by it. A name is no secret; it must only be one token's.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use core::time::Duration;
use std::cell::RefCell;
use zeroize::Zeroize as _;

/// Names of 128 bits: nobody guesses one, no two are ever the same (ASVS 5.0 7.2.3).
const ID_BYTES: usize = 16;
const BLOCK_BYTES: usize = 128 * ID_BYTES;

type Id = [u8; ID_BYTES];

thread_local! {
    static BLOCK: RefCell<Block> = const { RefCell::new(Block::EMPTY) };
}

/// Random bytes, of which the first `left` were not given to anybody yet; the others are zero.
struct Block {
    bytes: [u8; BLOCK_BYTES],
    left: usize,
}

/// A name that no other token has, for a token that is issued `now`.
pub(super) fn draw(now: Duration) -> Result<Id, Unspecified> {
    let mut id = BLOCK
        .try_with(|block| block.try_borrow_mut().ok()?.next())
        .ok()
        .flatten()
        .map_or_else(draw_alone, Ok)?;
    let (seconds, nanoseconds) = (now.as_secs(), u64::from(now.subsec_nanos()));
    // A second has less than 2^30 nanoseconds: they and the seconds, turned behind them, don't overlap for centuries.
    let time = seconds.rotate_left(30) ^ nanoseconds;
    for (byte, time) in id.iter_mut().zip(time.to_le_bytes()) {
        *byte ^= time;
    }
    Ok(id)
}

/// Where there is no block: the thread is ending, or the generator failed and has to say so.
#[cold]
fn draw_alone() -> Result<Id, Unspecified> {
    let mut id = [0; ID_BYTES];
    rand::fill(&mut id)?;
    Ok(id)
}

impl Block {
    const EMPTY: Self = Self {
        bytes: [0; BLOCK_BYTES],
        left: 0,
    };

    fn next(&mut self) -> Option<Id> {
        if self.left == 0 {
            rand::fill(&mut self.bytes).ok()?;
            self.left = BLOCK_BYTES;
        }
        let unused = self.bytes.get_mut(..self.left)?;
        let last = unused.last_chunk_mut::<ID_BYTES>()?;
        let id = *last;
        last.zeroize();
        self.left = self.left.saturating_sub(ID_BYTES);
        Some(id)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, BLOCK_BYTES, Block, ID_BYTES, draw};
    use core::time::Duration;
    use std::collections::HashSet;
    use std::thread;

    #[test]
    fn no_name_is_given_twice_by_any_thread() {
        let of_one_thread = || (0..5_000).map(|_| draw(Duration::ZERO).unwrap());
        let threads: Vec<_> = (0..4)
            .map(|_| thread::spawn(move || of_one_thread().collect::<Vec<_>>()))
            .collect();
        let ids: Vec<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn what_was_given_away_is_wiped_and_what_was_not_is_random() {
        let mut block = Block::EMPTY;
        for given in 1..=BLOCK_BYTES / ID_BYTES {
            let id = block.next().unwrap();
            let (unused, used) = block.bytes.split_at(block.left);
            assert_eq!(used.len(), given * ID_BYTES);
            assert!(used.iter().all(|byte| *byte == 0));
            assert!(unused.chunks(ID_BYTES).all(|other| *other != id));
            assert!(unused.chunks(ID_BYTES).all(|other| other != [0; ID_BYTES]));
        }
        assert_eq!(block.left, 0);
        assert!(block.next().is_some());
    }

    /// A fork copies the block; here it is copied by hand.
    #[test]
    fn two_copies_of_a_process_give_different_names_at_different_times() {
        let now = Duration::from_secs(1_800_000_000);
        draw(now).unwrap();
        let (bytes, left) = BLOCK.with_borrow(|block| (block.bytes, block.left));
        let one = draw(now).unwrap();
        BLOCK.with_borrow_mut(|block| (block.bytes, block.left) = (bytes, left));
        assert_eq!(draw(now).unwrap(), one, "the copy is one");
        BLOCK.with_borrow_mut(|block| (block.bytes, block.left) = (bytes, left));
        assert_ne!(draw(now + Duration::from_nanos(1)).unwrap(), one);
    }
}
