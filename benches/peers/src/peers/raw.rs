//! The primitive of aws-lc-rs with a prepared key: no base64, no JSON, no checks. Nobody on aws-lc-rs can be faster.

use crate::contender::Contender;
use crate::keys::Keys;
use crate::sample;
use base64_simd::URL_SAFE_NO_PAD;
use std::hint::black_box;
use std::sync::Arc;

pub(crate) const RAW: &str = "aws-lc-rs alone";

/// It verifies one token that it knows by heart, whatever it is given.
pub(crate) fn contender(keys: &Keys) -> Contender {
    let token = sample::usual_token(keys);
    let (input, signature) = token.rsplit_once('.').expect("a token has dots");
    let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).expect("base64url");
    let (input, issued) = (input.to_owned(), input.to_owned());
    let (raw, signing) = (Arc::clone(&keys.raw), Arc::clone(&keys.raw));
    assert!(raw.verifies(input.as_bytes(), &signature));
    let verify = move |_: &str| raw.verifies(black_box(input.as_bytes()), &signature);
    Contender::new(RAW, verify).issuing(move || {
        signing.sign(black_box(issued.as_bytes()), |signature| {
            black_box(signature);
            String::new()
        })
    })
}
