//! JWK Sets (RFC 7517 §5): the keys of a set that can be used.

use super::jwk::{check_strictly, parse};
use super::{KeyError, VerifyingKey};
use crate::token::algorithm::Algorithm;
use serde::Deserialize;

/// Reads the keys of a JWK Set; `None` for each that can't be used.
pub(in crate::token) fn read_set(json: &str) -> Result<Vec<Option<VerifyingKey>>, KeyError> {
    #[derive(Deserialize)]
    struct Set<'j> {
        #[serde(borrow)]
        keys: Vec<&'j serde_json::value::RawValue>,
    }
    check_strictly(json)?;
    let set: Set<'_> = serde_json::from_str(json).map_err(|_| KeyError::Malformed)?;
    Ok(set
        .keys
        .into_iter()
        .map(|key| read_public(key.get()))
        .collect())
}

fn read_public(json: &str) -> Option<VerifyingKey> {
    let named = parse(json).ok()?.common.key_algorithm?.to_string();
    let algorithm = ASYMMETRIC
        .into_iter()
        .find(|algorithm| algorithm.name() == named)?;
    VerifyingKey::from_jwk(algorithm, json).ok()
}

/// What a published key may be for: secrets are not published.
const ASYMMETRIC: [Algorithm; 9] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];
