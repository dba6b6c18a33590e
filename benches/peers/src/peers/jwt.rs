//! jwt: HMAC on `RustCrypto`, the rest on the system's OpenSSL. It knows no `EdDSA` and checks no claim.

use super::accepts;
use crate::contender::Contender;
use crate::keys::{Algorithm, Keys};
use crate::sample::{All, all};
use hmac::{Hmac, Mac as _};
use jwt::header::HeaderType;
use jwt::{
    AlgorithmType, Header, PKeyWithDigest, SignWithKey as _, SigningAlgorithm, Token,
    VerifyWithKey as _, VerifyingAlgorithm,
};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use sha2::Sha256;
use std::hint::black_box;

pub(crate) fn contender(keys: &Keys) -> Option<Contender> {
    let private = || PKeyWithDigest {
        digest: MessageDigest::sha256(),
        key: PKey::private_key_from_pem(keys.private_pem.as_bytes()).expect(GOOD),
    };
    let public = || PKeyWithDigest {
        digest: MessageDigest::sha256(),
        key: PKey::public_key_from_pem(keys.public_pem.as_bytes()).expect(GOOD),
    };
    match keys.algorithm {
        Algorithm::Hs256 => {
            let key: Hmac<Sha256> = Hmac::new_from_slice(keys.secret.as_bytes()).expect(GOOD);
            Some(on(AlgorithmType::Hs256, key.clone(), key))
        }
        Algorithm::Es256 => Some(on(AlgorithmType::Es256, private(), public())),
        Algorithm::EdDsa => None,
        Algorithm::Rs256 => Some(on(AlgorithmType::Rs256, private(), public())),
    }
}

const GOOD: &str = "a good key";

fn on(
    algorithm: AlgorithmType,
    signing: impl SigningAlgorithm + 'static,
    verifying: impl VerifyingAlgorithm + Send + Sync + 'static,
) -> Contender {
    let verify = move |token: &str| {
        let token: Result<Token<Header, All, _>, _> = token.verify_with_key(&verifying);
        token.is_ok_and(|token| accepts(black_box(&token).claims()))
    };
    let claims = all();
    Contender::new("jwt", verify).issuing(move || {
        let header = Header {
            algorithm,
            type_: Some(HeaderType::JsonWebToken),
            ..Header::default()
        };
        let token = Token::new(header, black_box(&claims)).sign_with_key(&signing);
        token.expect("it issues").into()
    })
}
