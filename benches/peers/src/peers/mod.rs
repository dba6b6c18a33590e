//! Who takes part: portcullis, the raw primitive, and the peers, one file each.

mod biscuit;
#[cfg(feature = "openssl")]
mod josekit;
mod jsonwebtoken;
#[cfg(feature = "openssl")]
mod jwt;
mod jwt_authorizer;
mod jwt_compact;
mod jwt_simple;
mod portcullis;
mod raw;

use crate::contender::Contender;
use crate::keys::Keys;
use crate::sample::{AUDIENCE, All, ISSUER, now};

pub(crate) use jsonwebtoken::{decoding_key, validation};
pub(crate) use portcullis::{CACHED, OURS, verifying_key};
pub(crate) use raw::RAW;

/// All that know the algorithm, the raw primitive first and portcullis second. Each has been seen to do it right.
pub(crate) fn contenders(keys: &Keys) -> Vec<Contender> {
    let mut contenders = vec![raw::contender(keys)];
    contenders.extend(portcullis::contenders(keys));
    contenders.push(jsonwebtoken::contender(keys));
    contenders.extend(biscuit::contender(keys));
    contenders.push(jwt_compact::contender(keys));
    contenders.push(jwt_authorizer::contender(keys));
    contenders.push(jwt_simple::contender(keys));
    #[cfg(feature = "openssl")]
    {
        contenders.push(josekit::contender(keys));
        contenders.extend(jwt::contender(keys));
    }
    let reference = portcullis::contenders(keys).remove(0).verify;
    for contender in contenders.iter().filter(|contender| contender.name != RAW) {
        contender.prove(keys, &reference);
    }
    contenders
}

/// What an application must check by itself where a library leaves it to do so.
fn accepts(claims: &All) -> bool {
    let now = now().as_secs();
    claims.exp > now && claims.nbf <= now && claims.iss == ISSUER && claims.aud == AUDIENCE
}
