//! Help for tests.

use crate::password::HashParams;

/// Argon2id parameters that take a test a fraction of a millisecond. Hashes made with them protect nobody.
pub fn cheap_hash_params() -> HashParams {
    HashParams::CHEAP
}
