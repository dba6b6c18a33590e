//! [`KeySet`]: the keys a verifier knows, by `kid`, with a time of overlap for those on their way out.

use super::Algorithm;
use super::compact::Compact;
use super::header::Header;
use super::key::{KeyError, VerifyingKey};
use std::sync::Arc;
use std::time::SystemTime;

/// Keys to verify with. One key is a set too: `TokenVerifier::builder` takes either.
///
/// A token's `kid` is looked up exactly, in memory, and only among these: it is never a path, a query or
/// an address. Secrets and public keys don't mix in one set, and each key answers only for its own algorithm.
///
/// Secrets of one algorithm need no `kid`, so that one can be replaced though tokens don't say which signed them: a token
/// without `kid` is then tried with each, in the order they were added. Put the one that signs first; another one costs
/// time only when that one did not sign.
///
/// ```
/// use portcullis::token::{Algorithm, KeySet, SigningKey};
/// use std::time::{Duration, SystemTime};
///
/// let old = SigningKey::generate(Algorithm::EdDsa)?.with_kid("2026-10");
/// let new = SigningKey::generate(Algorithm::EdDsa)?.with_kid("2026-11");
/// // Sign with the new key; let tokens of the old one run out.
/// let keys = KeySet::from(new.verifying_key())
///     .and_until(old.verifying_key(), SystemTime::now() + Duration::from_secs(900))?;
/// assert!(keys.to_jwks().contains("2026-11"));
/// # Ok::<(), portcullis::token::KeyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Entry>,
}

/// A key and how long it counts.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    key: Arc<VerifyingKey>,
    until: Option<SystemTime>,
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self {
            keys: vec![Entry {
                key: Arc::new(key),
                until: None,
            }],
        }
    }
}

impl KeySet {
    /// Adds a key.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKid`] if the set has a key of this `kid`, or if either of two has none and they are not two
    /// secrets of one algorithm;
    /// [`KeyError::MixedKeys`] if one is a secret and the other a public key.
    pub fn and(self, key: VerifyingKey) -> Result<Self, KeyError> {
        self.add(key, None)
    }

    /// Adds a key that is accepted only before `until`: the old one of a rotation.
    ///
    /// # Errors
    /// As [`and`](Self::and).
    pub fn and_until(self, key: VerifyingKey, until: SystemTime) -> Result<Self, KeyError> {
        self.add(key, Some(until))
    }

    fn add(mut self, key: VerifyingKey, until: Option<SystemTime>) -> Result<Self, KeyError> {
        for Entry { key: known, .. } in &self.keys {
            let alike = known.algorithm().is_symmetric() && known.algorithm() == key.algorithm();
            let clashes = match (known.kid(), key.kid()) {
                (Some(known), Some(key)) => known == key,
                (None, None) => !alike,
                _ => true,
            };
            if clashes {
                return Err(KeyError::DuplicateKid);
            }
            if known.algorithm().is_symmetric() != key.algorithm().is_symmetric() {
                return Err(KeyError::MixedKeys);
            }
        }
        self.keys.push(Entry {
            key: Arc::new(key),
            until,
        });
        Ok(self)
    }

    /// Reads the public signing keys of a JWK Set (RFC 7517 §5). Each gets the algorithm its `alg` names.
    ///
    /// Keys that can't be used here are left out and counted, as RFC 7517 §5 asks: of an unknown type or
    /// algorithm, without `alg` or `kid`, weak, for encryption, or secret.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if the text is no JWK Set or larger than 256 KiB; [`KeyError::DuplicateKid`] if two
    /// usable keys share a `kid`; [`KeyError::NoUsableKey`] if there is none.
    pub fn from_jwks(json: &str) -> Result<(Self, usize), KeyError> {
        let (mut set, mut left_out) = (Self::default(), 0_usize);
        for key in super::key::jwks::read_set(json)? {
            match key {
                Some(key) if key.kid().is_some() => set = set.and(key)?,
                _ => left_out = left_out.saturating_add(1),
            }
        }
        if set.is_empty() {
            return Err(KeyError::NoUsableKey { left_out });
        }
        Ok((set, left_out))
    }

    /// The set as a JWK Set document to publish (RFC 7517 §5). Secrets are not in it.
    pub fn to_jwks(&self) -> String {
        let keys: Vec<_> = self
            .keys
            .iter()
            .filter_map(|entry| entry.key.to_jwk())
            .collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The algorithms in use, for error messages and logs.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.keys.iter().map(|entry| entry.key.algorithm())
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter().map(|entry| &*entry.key)
    }

    /// The place of the key a header asks for: by its `kid`; if it names none, the only key or the first without `kid`.
    pub(super) fn find(&self, header: &Header<'_>) -> Option<usize> {
        match &header.kid {
            // A set has keys with `kid` or keys without, but never both.
            None => match &*self.keys {
                [_] => Some(0),
                [first, ..] if first.key.kid().is_none() => Some(0),
                _ => None,
            },
            Some(kid) => self
                .keys
                .iter()
                .position(|entry| entry.key.kid() == Some(&**kid)),
        }
    }

    /// The other keys that a header may mean which leads to `entry`: those without `kid`, if it has none.
    pub(super) fn alternatives<'k>(&'k self, entry: &'k Entry) -> impl Iterator<Item = &'k Entry> {
        let without_kid = |entry: &Entry| entry.key.kid().is_none();
        self.keys.iter().filter(move |other| {
            without_kid(entry) && without_kid(other) && !core::ptr::eq(*other, entry)
        })
    }

    pub(super) fn at(&self, index: usize) -> Option<&Entry> {
        self.keys.get(index)
    }
}

impl Entry {
    pub(super) fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// When the key's time is over, if ever.
    pub(super) fn until(&self) -> Option<SystemTime> {
        self.until
    }

    /// Whether the key made the token's signature and its time is not over.
    pub(super) fn has_signed(&self, parts: &Compact<'_>, now: SystemTime) -> bool {
        !self.is_over(now) && self.key.verifies(parts.signing_input, parts.signature)
    }

    /// Whether the key's time is over.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}
