//! [`HashParams`]: what one Argon2id hash costs, with its floor and its ceiling.

use super::ParamsError;

/// The least memory a stored hash may ask for: 1 MiB. Less is a test's hash, or a forged one.
const MIN_MEMORY_KIB: u32 = 1024;

/// What Argon2id spends on one hash (RFC 9106 §3.1).
///
/// Default: 19,456 KiB, 2 iterations, parallelism 1, the [OWASP Password Storage Cheat Sheet]'s minimum.
///
/// **Floor** for new hashes: one of OWASP's equivalent rows, as (KiB, iterations): (47104, 1), (19456, 2),
/// (12288, 3), (9216, 4), (7168, 5). **Ceiling**, also for stored hashes: [`MAX_MEMORY_KIB`](Self::MAX_MEMORY_KIB),
/// [`MAX_ITERATIONS`](Self::MAX_ITERATIONS), [`MAX_PARALLELISM`](Self::MAX_PARALLELISM), and
/// [`MAX_WORK`](Self::MAX_WORK) for memory times iterations. So a row an attacker wrote into a store can
/// take a second of CPU, not minutes.
///
/// ```
/// use portcullis::password::{HashParams, ParamsError};
/// assert_eq!(HashParams::new(65_536, 3, 1)?.memory_kib(), 65_536);
/// assert_eq!(HashParams::new(4_096, 3, 1), Err(ParamsError::TooWeak));
/// # Ok::<(), ParamsError>(())
/// ```
///
/// [OWASP Password Storage Cheat Sheet]: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

impl HashParams {
    /// The most memory, in KiB: 256 MiB.
    pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
    /// The most iterations: 16.
    pub const MAX_ITERATIONS: u32 = 16;
    /// The most lanes: 16. Lanes are filled one after the other, so more of them save no time here.
    pub const MAX_PARALLELISM: u32 = 16;
    /// The most work, memory in KiB times iterations: 1 GiB filled once.
    pub const MAX_WORK: u32 = 1024 * 1024;

    /// Parameters for new hashes: memory in KiB, iterations, parallelism.
    ///
    /// # Errors
    /// [`ParamsError::TooWeak`] below the floor, [`ParamsError::TooCostly`] above the ceiling.
    pub const fn new(
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
    ) -> Result<Self, ParamsError> {
        let strong = (memory_kib >= 47_104 && iterations >= 1)
            || (memory_kib >= 19_456 && iterations >= 2)
            || (memory_kib >= 12_288 && iterations >= 3)
            || (memory_kib >= 9_216 && iterations >= 4)
            || (memory_kib >= 7_168 && iterations >= 5);
        if !strong || parallelism == 0 {
            return Err(ParamsError::TooWeak);
        }
        match Self::accepted(memory_kib, iterations, parallelism) {
            Some(params) => Ok(params),
            None => Err(ParamsError::TooCostly),
        }
    }

    /// The cheapest parameters that a stored hash may have, for the tests of applications.
    #[cfg(feature = "test-util")]
    pub(crate) const CHEAP: Self = Self {
        memory_kib: MIN_MEMORY_KIB,
        iterations: 1,
        parallelism: 1,
    };

    /// Parameters that a stored hash may have: from 1 MiB and one iteration up to the ceiling.
    ///
    /// Below the floor for new hashes, so that hashes made long ago can be verified and replaced.
    pub(crate) const fn accepted(
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
    ) -> Option<Self> {
        let bounded = memory_kib >= MIN_MEMORY_KIB
            && memory_kib <= Self::MAX_MEMORY_KIB
            && iterations >= 1
            && iterations <= Self::MAX_ITERATIONS
            && parallelism >= 1
            && parallelism <= Self::MAX_PARALLELISM
            && memory_kib.saturating_mul(iterations) <= Self::MAX_WORK;
        if bounded {
            Some(Self {
                memory_kib,
                iterations,
                parallelism,
            })
        } else {
            None
        }
    }

    /// The memory, in KiB.
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// How often the memory is gone over.
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The number of lanes.
    pub const fn parallelism(&self) -> u32 {
        self.parallelism
    }

    /// How many KiB are filled in all: what the time is proportional to.
    pub(super) const fn work(&self) -> u32 {
        self.memory_kib.saturating_mul(self.iterations)
    }

    /// Parameters of about `work` KiB filled, in no more memory than these; `None` if that is next to nothing.
    pub(super) fn portion(&self, work: u32) -> Option<Self> {
        let iterations = work.div_ceil(self.memory_kib);
        let memory_kib = work.checked_div(iterations)?;
        Self::accepted(memory_kib, iterations, self.parallelism)
    }
}

/// OWASP's minimum: 19,456 KiB, 2 iterations, parallelism 1.
impl Default for HashParams {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_and_the_work_done_make_up_the_whole() {
        let whole = HashParams::default();
        for (memory_kib, iterations) in [(1024, 1), (4096, 3), (9216, 4), (19_456, 1), (30_000, 1)]
        {
            let done = HashParams::accepted(memory_kib, iterations, 1).unwrap();
            let rest = whole.portion(whole.work() - done.work()).unwrap();
            assert!(rest.memory_kib() <= whole.memory_kib());
            let sum = f64::from(done.work() + rest.work());
            let ratio = sum / f64::from(whole.work());
            assert!((0.999..=1.0).contains(&ratio), "{done:?} {rest:?} {ratio}");
        }
        assert_eq!(whole.portion(0), None);
        assert_eq!(whole.portion(MIN_MEMORY_KIB - 1), None);
    }
}
