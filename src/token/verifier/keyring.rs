//! [`Keyring`]: from a token's header to the key it names, usually by comparing bytes.

use crate::token::error::TokenError;
use crate::token::header::{self, Header};
use crate::token::keyset::{Entry, KeySet};
use std::sync::OnceLock;

/// How many headers of other spellings are learned, and how long one may be in base64url.
const LEARNED: usize = 16;
const MAX_LEARNED_BYTES: usize = 512;

/// A verifier's keys, and for each the headers known to name it.
///
/// A header is judged by its bytes alone, so one of the same bytes gets the same verdict: it need not be decoded, and
/// can't be taken for another algorithm. Known from the start is what our own issuer writes. Other issuers
/// order and space their headers otherwise, each always in one way: the first of theirs are read in full, and
/// remembered once a signature has proven that a holder of the key wrote them. Strangers can't fill this memory.
pub(super) struct Keyring {
    keys: KeySet,
    token_type: Box<str>,
    /// In the order of their bytes.
    known: Box<[Known]>,
    learned: [OnceLock<Known>; LEARNED],
}

struct Known {
    header: Box<[u8]>,
    key: usize,
}

/// A key, and what to [`learn`](Keyring::learn) when it proves right.
pub(super) struct Found<'k> {
    pub(super) entry: &'k Entry,
    new: Option<usize>,
}

impl Keyring {
    pub(super) fn new(keys: KeySet, token_type: Box<str>) -> Self {
        let mut known: Vec<_> = keys
            .keys()
            .enumerate()
            .map(|(index, key)| {
                let header = header::encode(key.algorithm().name(), &token_type, key.kid());
                Known {
                    header: header.into_bytes().into(),
                    key: index,
                }
            })
            .collect();
        known.sort_by(|one, other| one.header.cmp(&other.header));
        // Secrets without `kid` share their header, which leads to the first of them.
        known.dedup_by(|later, first| later.header == first.header);
        Self {
            keys,
            token_type,
            known: known.into(),
            learned: [const { OnceLock::new() }; LEARNED],
        }
    }

    pub(super) fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The key of a header that is known by its bytes.
    pub(super) fn recall(&self, segment: &[u8]) -> Option<Found<'_>> {
        let entry = self.keys.at(self.position(segment)?)?;
        Some(Found { entry, new: None })
    }

    /// The key that a header's base64url segment asks for when it is read.
    pub(super) fn read(&self, segment: &[u8]) -> Result<Found<'_>, TokenError> {
        let index = Header::read(segment, |header| self.judge(header))?;
        let entry = self.keys.at(index).ok_or(TokenError::UnknownKey)?;
        let new = Some(index);
        Ok(Found { entry, new })
    }

    fn position(&self, segment: &[u8]) -> Option<usize> {
        let known = match &*self.known {
            [only] => Some(only).filter(|known| *known.header == *segment),
            many => many
                .binary_search_by(|known| (*known.header).cmp(segment))
                .ok()
                .and_then(|at| many.get(at)),
        };
        known
            .or_else(|| {
                self.learned
                    .iter()
                    .map_while(OnceLock::get)
                    .find(|known| *known.header == *segment)
            })
            .map(|known| known.key)
    }

    fn judge(&self, header: &Header<'_>) -> Result<usize, TokenError> {
        let typ = header.typ.as_deref().ok_or(TokenError::Type)?;
        if !header::is_type(typ, &self.token_type) {
            return Err(TokenError::Type);
        }
        let index = self.keys.find(header).ok_or(TokenError::UnknownKey)?;
        let entry = self.keys.at(index).ok_or(TokenError::UnknownKey)?;
        // The key decides; the header may only agree (RFC 8725 §3.1).
        if header.alg.as_deref() != Some(entry.key().algorithm().name()) {
            return Err(TokenError::Algorithm);
        }
        Ok(index)
    }

    /// Remembers the header of a token whose signature held, while there is room.
    pub(super) fn learn(&self, found: &Found<'_>, segment: &[u8]) {
        if let Some(key) = found.new
            && segment.len() <= MAX_LEARNED_BYTES
            && let Some(free) = self.learned.iter().find(|slot| slot.get().is_none())
        {
            // Another thread may have been faster; then the next token of this spelling tries again.
            let _taken = free.set(Known {
                header: segment.into(),
                key,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Keyring, LEARNED, MAX_LEARNED_BYTES};
    use crate::token::error::TokenError;
    use crate::token::key::VerifyingKey;
    use crate::token::keyset::KeySet;
    use crate::token::{Algorithm, compact};

    fn keyring(keys: u8) -> Keyring {
        let key = |n: u8| {
            let secret: Vec<u8> = (n..).take(32).collect();
            let key = VerifyingKey::from_secret(Algorithm::Hs256, &secret).unwrap();
            key.with_kid(format!("k{n}"))
        };
        let keys = (1..keys).fold(KeySet::from(key(0)), |set, n| set.and(key(n)).unwrap());
        Keyring::new(keys, "at+jwt".into())
    }

    fn find<'k>(keyring: &'k Keyring, segment: &[u8]) -> Result<Found<'k>, TokenError> {
        (keyring.recall(segment)).map_or_else(|| keyring.read(segment), Ok)
    }

    fn spelled(kid: &str, spaces: usize) -> Vec<u8> {
        let spaces = " ".repeat(spaces);
        let header = format!(r#"{{{spaces}"kid":"{kid}","alg":"HS256","typ":"at+jwt"}}"#);
        compact::encode(header.as_bytes()).into_bytes()
    }

    #[test]
    fn each_key_is_known_by_its_own_header_however_many_there_are() {
        for count in [1, 2, 3, 200] {
            let keyring = keyring(count);
            for n in 0..count {
                let kid = format!("k{n}");
                let header = crate::token::header::encode("HS256", "at+jwt", Some(&kid));
                assert!(keyring.recall(header.as_bytes()).is_some());
                let found = find(&keyring, header.as_bytes()).unwrap();
                assert_eq!(found.entry.key().kid(), Some(&*kid));
            }
        }
    }

    #[test]
    fn a_spelling_is_remembered_once_it_has_proven_right_and_not_before() {
        let keyring = keyring(3);
        let segment = spelled("k2", 0);
        let found = find(&keyring, &segment).unwrap();
        assert!(keyring.recall(&segment).is_none());
        keyring.learn(&found, &segment);
        assert!(keyring.recall(&segment).is_some());
        let again = find(&keyring, &segment).unwrap();
        assert_eq!(again.entry.key().kid(), Some("k2"));
        assert!(keyring.recall(&segment[1..]).is_none());
    }

    #[test]
    fn the_memory_for_spellings_is_bounded() {
        let keyring = keyring(1);
        let long = spelled("k0", MAX_LEARNED_BYTES);
        keyring.learn(&find(&keyring, &long).unwrap(), &long);
        assert!(keyring.recall(&long).is_none());
        for spaces in 0..LEARNED * 2 {
            let segment = spelled("k0", spaces);
            keyring.learn(&find(&keyring, &segment).unwrap(), &segment);
            assert!(find(&keyring, &segment).is_ok());
            assert_eq!(keyring.recall(&segment).is_some(), spaces < LEARNED);
        }
    }

    #[test]
    fn what_is_refused_is_not_remembered() {
        let keyring = keyring(1);
        for (header, error) in [
            (spelled("k1", 0), TokenError::UnknownKey),
            (b"e30".to_vec(), TokenError::Type),
            (b"***".to_vec(), TokenError::Header),
        ] {
            for _ in 0..2 {
                assert_eq!(find(&keyring, &header).map(|_| ()), Err(error));
            }
        }
    }
}
