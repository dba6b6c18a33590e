//! [`PasswordHasher`]: makes hashes, verifies them, and does the same work for nobody.

use super::arena::Arenas;
use super::stored::Stored;
use super::{HashParams, Password, PasswordError, PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use core::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The salt of new hashes, in bytes (RFC 9106 §3.1 recommends 16).
const SALT_BYTES: usize = 16;
/// The tag of new hashes, in bytes (RFC 9106 §4 recommends 32).
const TAG_BYTES: usize = 32;

/// What a verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Right.
    Match,
    /// Right, and the hash should be replaced: see [`PasswordHasher::needs_rehash`].
    Outdated,
    /// Wrong. Also every empty password, and every one over the size limit.
    Mismatch,
    /// The stored hash is of a kind or size that is not accepted; the same work was done as for a wrong password.
    Unusable,
    /// There was no memory to find out. Nothing is known of the password: it is nobody's failure.
    Failed,
}

/// Hashes and verifies passwords with Argon2id (RFC 9106).
///
/// Cheap to clone: clones share their memory blocks, which are reused and wiped after each hash. A call takes
/// some 15 ms of CPU at the default parameters: run it on an [`Offload`](crate::offload::Offload), never on an
/// async thread; [`Authenticator`](crate::Authenticator) does so.
///
/// # Debug builds
/// Without optimisation a call takes a second or so (0.72 s on the machine where it takes 0.04 s with these lines). Cargo
/// takes profiles only from the manifest of the program that is built, so copy them into yours:
///
/// ```toml
/// [profile.dev.package.argon2]
/// opt-level = 3
/// ```
///
/// ```
/// use portcullis::password::{HashParams, Password, PasswordHasher, Verdict};
/// let hasher = PasswordHasher::new(HashParams::default())?;
/// let hash = hasher.hash(&Password::new("correct horse battery staple"))?;
/// assert_eq!(hasher.verify(&Password::new("correct horse battery staple"), &hash), Verdict::Match);
/// assert_eq!(hasher.verify(&Password::new("Tr0ub4dor&3"), &hash), Verdict::Mismatch);
/// # Ok::<(), portcullis::password::PasswordError>(())
/// ```
#[derive(Clone)]
pub struct PasswordHasher {
    shared: Arc<Shared>,
}

struct Shared {
    params: HashParams,
    decoy_params: HashParams,
    decoy: PasswordHash,
    arenas: Arenas,
}

impl PasswordHasher {
    /// A hasher that makes hashes of these parameters.
    ///
    /// # Errors
    /// [`PasswordError`] if there is no randomness for the decoy hash.
    pub fn new(params: HashParams) -> Result<Self, PasswordError> {
        Self::build(params, params)
    }

    /// Does the work of these parameters for people who don't exist. Default: the parameters of new hashes.
    ///
    /// Give the slowest of the hashes your store holds, if some are slower than new ones: else they, and so the
    /// accounts they belong to, stand out by time. Hashes that are *faster* than this are topped up with work on
    /// nothing and need no care.
    ///
    /// # Errors
    /// [`PasswordError`] if there is no randomness for the decoy hash.
    pub fn decoy_params(self, params: HashParams) -> Result<Self, PasswordError> {
        Self::build(self.shared.params, params)
    }

    fn build(params: HashParams, decoy_params: HashParams) -> Result<Self, PasswordError> {
        // A random tag: no password is known that fits it. Nothing is hashed at start.
        let decoy = Stored {
            params: decoy_params,
            salt: random::<SALT_BYTES>()?.to_vec(),
            tag: random::<TAG_BYTES>()?.to_vec().into(),
        };
        let blocks = argon2(params)?
            .params()
            .block_count()
            .max(argon2(decoy_params)?.params().block_count());
        Ok(Self {
            shared: Arc::new(Shared {
                params,
                decoy_params,
                decoy: decoy.into_hash(),
                arenas: Arenas::new(blocks),
            }),
        })
    }

    /// The parameters of new hashes.
    pub fn params(&self) -> HashParams {
        self.shared.params
    }

    /// Hashes a new password: 16 bytes of salt from the system's generator, 32 bytes of tag, as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError`] if the password is empty or over the size limit, or there is no memory or randomness.
    /// [`PasswordPolicy`](super::PasswordPolicy) tells people of the first two before.
    pub fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordError> {
        let text = password.text().ok_or(PasswordError::OVERSIZE)?;
        if text.is_empty() {
            return Err(PasswordError::EMPTY);
        }
        let salt = random::<SALT_BYTES>()?;
        let mut tag = Zeroizing::new(vec![0; TAG_BYTES]);
        self.compute(text, self.shared.params, &salt, &mut tag)?;
        Ok(Stored {
            params: self.shared.params,
            salt: salt.to_vec(),
            tag,
        }
        .into_hash())
    }

    /// Finds out whether a password is the one that was hashed.
    ///
    /// An empty or oversize password is never right, but costs the same work as any other. So does an unusable hash.
    pub fn verify(&self, password: &Password, hash: &PasswordHash) -> Verdict {
        let Some(stored) = Stored::parse(hash.expose()) else {
            return match self.verify_decoy(password) {
                Verdict::Failed => Verdict::Failed,
                _ => Verdict::Unusable,
            };
        };
        match self.is_right(password, &stored) {
            Err(_) => Verdict::Failed,
            Ok(false) => Verdict::Mismatch,
            Ok(true) if self.is_outdated(&stored) => Verdict::Outdated,
            Ok(true) => Verdict::Match,
        }
    }

    /// Does the work of a verification for nobody: always [`Verdict::Mismatch`], or `Failed` without memory.
    pub fn verify_decoy(&self, password: &Password) -> Verdict {
        match self.verify(password, &self.shared.decoy) {
            Verdict::Failed => Verdict::Failed,
            _ => Verdict::Mismatch,
        }
    }

    /// Tells whether a hash should be replaced at the next chance.
    ///
    /// It should if any of memory, iterations, parallelism, salt length and tag length is not what new hashes have,
    /// be it less or more (parameters may have been lowered for a reason), or if it is not accepted at all.
    pub fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        Stored::parse(hash.expose()).is_none_or(|stored| self.is_outdated(&stored))
    }

    fn is_outdated(&self, stored: &Stored) -> bool {
        stored.params != self.shared.params
            || stored.salt.len() != SALT_BYTES
            || stored.tag.len() != TAG_BYTES
    }

    fn is_right(&self, password: &Password, stored: &Stored) -> Result<bool, PasswordError> {
        let text = password.text().unwrap_or_default();
        let mut tag = Zeroizing::new(vec![0; stored.tag.len()]);
        self.compute(text, stored.params, &stored.salt, &mut tag)?;
        self.top_up(text, stored)?;
        // The work was done for an empty text too, but some systems write hashes of it for accounts without a
        // password: those must not open.
        Ok(verify_slices_are_equal(&tag, &stored.tag).is_ok() && !text.is_empty())
    }

    /// Does what a cheaper hash lacks of the decoy's work, or the accounts of old hashes would answer sooner
    /// than nobody does, and so be known to exist.
    fn top_up(&self, text: &str, stored: &Stored) -> Result<(), PasswordError> {
        let Shared { decoy_params, .. } = *self.shared;
        let missing = decoy_params.work().saturating_sub(stored.params.work());
        let Some(params) = decoy_params.portion(missing) else {
            return Ok(());
        };
        let mut tag = Zeroizing::new([0; TAG_BYTES]);
        self.compute(text, params, &stored.salt, &mut *tag)
    }

    fn compute(
        &self,
        text: &str,
        params: HashParams,
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), PasswordError> {
        let argon2 = argon2(params)?;
        let mut memory = self.shared.arenas.lease(argon2.params().block_count())?;
        argon2
            .hash_password_into_with_memory(text.as_bytes(), salt, tag, &mut *memory)
            .map_err(|_| PasswordError::UNUSABLE)
    }
}

fn argon2(params: HashParams) -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(
        params.memory_kib(),
        params.iterations(),
        params.parallelism(),
        None,
    )
    .map_err(|_| PasswordError::UNUSABLE)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn random<const N: usize>() -> Result<[u8; N], PasswordError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PasswordError::NO_RANDOMNESS)?;
    Ok(bytes)
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher")
            .field("params", &self.shared.params)
            .field("decoy_params", &self.shared.decoy_params)
            .finish_non_exhaustive()
    }
}
