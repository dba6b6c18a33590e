//! [`ServerSecret`]: the secret under which a server hashes names and signs opaque tokens, apart from the keys of JWTs.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use core::fmt;
use std::sync::Arc;

/// The secret of a server for everything that is not a JWT: device tokens, and the names that a throttle stores.
///
/// It is separate from the keys that sign tokens, because those rotate, or live in a key management service, while
/// counters and devices outlive them. A key is derived for each purpose (HKDF-SHA-256, RFC 5869), so that no two uses share one.
///
/// The secret is a list: the first one makes tags, all of them verify. To replace a secret without forgetting what was made
/// under it, add the new one on every server with [`with_previous`](Self::with_previous), then put it first everywhere:
///
/// ```
/// use portcullis::opaque::ServerSecret;
/// # let (old, new) = ([1_u8; 32], *b"0123456789abcdefghijklmnopqrstuv");
/// # let old = { let mut bytes = old; for (n, byte) in bytes.iter_mut().enumerate() { *byte = n as u8; } bytes };
/// let first_step = ServerSecret::new(&old)?.with_previous(&new)?; // deploy everywhere
/// let second_step = ServerSecret::new(&new)?.with_previous(&old)?; // then deploy this everywhere
/// # Ok::<(), portcullis::opaque::ServerSecretError>(())
/// ```
///
/// Keep the old one for 180 days, as long as a device token may lie unused: a device whose token is of an older secret is given a
/// new one at its next sign-in.
///
/// Cheap to clone. `Debug` shows only how many secrets there are.
#[derive(Clone)]
pub struct ServerSecret {
    keys: Arc<[Key]>,
}

#[derive(Clone)]
struct Key {
    pseudorandom: hmac::Key,
    id: u8,
}

/// Why a server secret was not accepted.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerSecretError {
    /// Shorter than [`ServerSecret::MIN_BYTES`].
    #[error("a server secret must have at least 32 bytes")]
    TooShort,
    /// Two secrets of the list have the same key id: by chance one pair in 256, or because a secret is listed twice.
    #[error("two server secrets have the same key id: use each only once, or generate another one")]
    SameKeyId,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    RandomnessUnavailable,
}

impl ServerSecret {
    /// The shortest secret accepted, in bytes: as long as the hash (RFC 2104 §3).
    pub const MIN_BYTES: usize = 32;

    /// Uses a secret of at least 32 random bytes, such as `openssl rand -base64 48` makes; not the key that signs tokens. Whether the
    /// bytes are random is not judged.
    ///
    /// # Errors
    /// [`ServerSecretError::TooShort`].
    pub fn new(secret: &[u8]) -> Result<Self, ServerSecretError> {
        let keys = [Key::new(secret)?].into();
        Ok(Self { keys })
    }

    /// Adds a secret that verifies what was made under it, and makes nothing.
    ///
    /// # Errors
    /// [`ServerSecretError::TooShort`], or [`ServerSecretError::SameKeyId`].
    pub fn with_previous(self, secret: &[u8]) -> Result<Self, ServerSecretError> {
        let key = Key::new(secret)?;
        if self.keys.iter().any(|other| other.id == key.id) {
            return Err(ServerSecretError::SameKeyId);
        }
        let keys = self.keys.iter().cloned().chain([key]).collect();
        Ok(Self { keys })
    }

    /// Makes a random secret, which is gone with the process.
    ///
    /// # Errors
    /// [`ServerSecretError::RandomnessUnavailable`].
    pub fn generate() -> Result<Self, ServerSecretError> {
        let mut secret = zeroize::Zeroizing::new([0; Self::MIN_BYTES]);
        aws_lc_rs::rand::fill(&mut *secret)
            .map_err(|_| ServerSecretError::RandomnessUnavailable)?;
        Self::new(&*secret)
    }

    /// Computes the tag (HMAC-SHA-256) of `parts` for `purpose` under each secret, that of the first secret first.
    ///
    /// Parts are length-prefixed, so that no two lists of parts have the same tag.
    pub fn tags<'a>(
        &'a self,
        purpose: &'a str,
        parts: &'a [&'a [u8]],
    ) -> impl Iterator<Item = [u8; 32]> + 'a {
        self.keys.iter().map(move |key| key.tag(purpose, parts))
    }

    /// The tag under the first secret, and the key id that finds the secret again: see [`tag_by_id`](Self::tag_by_id).
    pub fn newest_tag(&self, purpose: &str, parts: &[&[u8]]) -> Option<(u8, [u8; 32])> {
        let key = self.keys.first()?;
        Some((key.id, key.tag(purpose, parts)))
    }

    /// Whether the secret of this key id is the first one.
    pub(crate) fn is_first(&self, id: u8) -> bool {
        self.keys.first().is_some_and(|key| key.id == id)
    }

    /// The tag under the secret of this key id, if the list has it.
    pub fn tag_by_id(&self, id: u8, purpose: &str, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let key = self.keys.iter().find(|key| key.id == id)?;
        Some(key.tag(purpose, parts))
    }
}

impl Key {
    /// HKDF-Extract (RFC 5869 §2.2): `HMAC(salt, secret)`.
    fn new(secret: &[u8]) -> Result<Self, ServerSecretError> {
        if secret.len() < ServerSecret::MIN_BYTES {
            return Err(ServerSecretError::TooShort);
        }
        let salt = hmac::Key::new(HMAC_SHA256, b"portcullis server secret");
        let pseudorandom = hmac::sign(&salt, secret);
        let mut key = Self {
            pseudorandom: hmac::Key::new(HMAC_SHA256, pseudorandom.as_ref()),
            id: 0,
        };
        let [id, ..] = key.tag("key id", &[]);
        key.id = id;
        Ok(key)
    }

    fn tag(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        // HKDF-Expand (RFC 5869 §2.3) to one block, `HMAC(prk, info | 0x01)`: all that a key of 32 bytes takes.
        let mut expand = hmac::Context::with_key(&self.pseudorandom);
        expand.update(purpose.as_bytes());
        expand.update(&[1]);
        let key = hmac::Key::new(HMAC_SHA256, expand.sign().as_ref());
        let mut context = hmac::Context::with_key(&key);
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            context.update(&length.to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSecret")
            .field("secrets", &self.keys.len())
            .finish_non_exhaustive()
    }
}
