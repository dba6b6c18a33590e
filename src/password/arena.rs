//! The memory Argon2 works in: kept, reused and wiped. Allocating it anew for each hash costs more page faults
//! than hashing saves, and lets 32 sign-ins hold 300 MB that the allocator never gives back.

use super::PasswordError;
use argon2::Block;
use core::num::NonZeroUsize;
use core::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};
use std::thread;
use zeroize::Zeroize as _;

/// A bounded list of free arenas, all of one size.
pub(super) struct Arenas {
    free: Mutex<Vec<Vec<Block>>>,
    /// The size of those kept, in blocks of 1 KiB.
    blocks: usize,
    /// How many are kept: one for each thread that can hash at the same time.
    keep: usize,
}

impl Arenas {
    pub(super) fn new(blocks: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            free: Mutex::new(Vec::new()),
            blocks,
            keep: cores.max(2),
        }
    }

    /// Memory of `blocks` blocks, free again when dropped.
    ///
    /// More than the size kept is allocated for this once: a single big stored hash must not make the process
    /// grow for good.
    pub(super) fn lease(&self, blocks: usize) -> Result<Lease<'_>, PasswordError> {
        let kept = blocks <= self.blocks;
        let memory = match kept.then(|| self.lock().pop()).flatten() {
            Some(memory) => memory,
            None => allocate(blocks.max(self.blocks))?,
        };
        Ok(Lease {
            home: kept.then_some(self),
            memory,
            blocks,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn allocate(blocks: usize) -> Result<Vec<Block>, PasswordError> {
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(blocks)
        .map_err(|_| PasswordError::NO_MEMORY)?;
    memory.resize(blocks, Block::new());
    Ok(memory)
}

/// Arena memory in use. However it ends, also by a panic, what was written is wiped first: the blocks of a
/// password are as good as the password to somebody who can read the process.
pub(super) struct Lease<'a> {
    home: Option<&'a Arenas>,
    memory: Vec<Block>,
    blocks: usize,
}

impl Deref for Lease<'_> {
    type Target = [Block];
    fn deref(&self) -> &[Block] {
        self.memory.get(..self.blocks).unwrap_or_default()
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut [Block] {
        self.memory.get_mut(..self.blocks).unwrap_or_default()
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.iter_mut().zeroize();
        if let Some(home) = self.home {
            let mut free = home.lock();
            if free.len() < home.keep {
                free.push(core::mem::take(&mut self.memory));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_clean(blocks: &[Block]) -> bool {
        blocks
            .iter()
            .all(|block| AsRef::<[u64]>::as_ref(block).iter().all(|&word| word == 0))
    }

    fn scribble(lease: &mut Lease<'_>) {
        for block in lease.iter_mut() {
            AsMut::<[u64]>::as_mut(block).fill(7);
        }
    }

    #[test]
    fn memory_is_reused_and_comes_back_wiped() {
        let arenas = Arenas::new(4);
        let mut first = arenas.lease(4).unwrap();
        scribble(&mut first);
        let place = first.memory.as_ptr();
        drop(first);
        let second = arenas.lease(3).unwrap();
        assert_eq!(second.memory.as_ptr(), place);
        assert!(is_clean(&second.memory));
        assert_eq!(second.len(), 3);
    }

    #[test]
    fn memory_is_wiped_when_hashing_panics() {
        let arenas = Arenas::new(2);
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut lease = arenas.lease(2).unwrap();
            scribble(&mut lease);
            panic!("planted");
        }));
        assert!(unwound.is_err());
        assert!(is_clean(&arenas.lock()[0]));
    }

    #[test]
    fn an_oversize_arena_is_not_kept() {
        let arenas = Arenas::new(2);
        assert_eq!(arenas.lease(100).unwrap().len(), 100);
        assert!(arenas.lock().is_empty());
    }

    #[test]
    fn no_more_arenas_are_kept_than_can_be_in_use() {
        let arenas = Arenas::new(1);
        let leases: Vec<_> = (0..arenas.keep + 5)
            .map(|_| arenas.lease(1).unwrap())
            .collect();
        drop(leases);
        assert_eq!(arenas.lock().len(), arenas.keep);
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        assert!(allocate(usize::MAX / 2).is_err());
    }
}
