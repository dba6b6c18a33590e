//! Signatures that are altered, foreign, of another width, or degenerate.

use super::forge::{HEADER, SECRET, encode, payload, refuses, sign, token, verifier};
use base64_simd::URL_SAFE_NO_PAD;
use portcullis::token::{Algorithm, SigningKey, TokenError, VerifyingKey};
use portcullis::{TokenIssuer, TokenVerifier, UserId};

/// A verifier and a token of its own.
fn pair(algorithm: Algorithm) -> (TokenVerifier, String) {
    let key = SigningKey::generate(algorithm).unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", key.verifying_key())
        .build()
        .unwrap();
    let issuer = TokenIssuer::builder("iss", "aud", key).build().unwrap();
    let token = issuer.issue(&UserId::new("someone").unwrap()).unwrap();
    (verifier, token.expose().to_owned())
}

fn with_signature(token: &str, signature: &[u8]) -> String {
    format!(
        "{}.{}",
        token.rsplit_once('.').unwrap().0,
        encode(signature)
    )
}

fn signature(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode_to_vec(token.rsplit_once('.').unwrap().1)
        .unwrap()
}

#[test]
fn no_altered_signature_passes_with_any_algorithm() {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Hs512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
        Algorithm::Rs256,
        Algorithm::Ps256,
    ] {
        let (verifier, token) = pair(algorithm);
        verifier.verify(&token).unwrap();
        let good = signature(&token);
        let len = good.len();
        let mut forgeries = vec![
            Vec::new(),
            vec![0; len],
            vec![0xff; len],
            good[..len - 1].to_vec(),
            good[1..].to_vec(),
            good[..1].to_vec(),
            [&good[..], &[0]].concat(),
            [&[0], &good[..]].concat(),
            [&good[..], &good[..]].concat(),
            vec![0; 1],
            vec![0; 4096],
        ];
        for at in [0, 1, len / 2, len - 1] {
            let mut flipped = good.clone();
            flipped[at] ^= 1;
            forgeries.push(flipped);
        }
        let hex: String = good.iter().map(|byte| format!("{byte:02x}")).collect();
        forgeries.push(hex.into_bytes());
        for forgery in forgeries {
            let verdict = verifier
                .verify(&with_signature(&token, &forgery))
                .map(|_| ());
            assert_eq!(
                verdict,
                Err(TokenError::Signature),
                "{algorithm} {forgery:?}"
            );
        }
    }
}

#[test]
fn a_signature_of_another_key_or_over_another_text_is_refused() {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Es256,
        Algorithm::EdDsa,
        Algorithm::Ps256,
    ] {
        let (verifier, token) = pair(algorithm);
        let (_, foreign) = pair(algorithm);
        assert_eq!(
            verifier.verify(&foreign).unwrap_err(),
            TokenError::Signature,
            "{algorithm}"
        );
        assert_eq!(
            verifier
                .verify(&with_signature(&token, &signature(&foreign)))
                .unwrap_err(),
            TokenError::Signature
        );
    }
    let input = format!("{}.{}", encode(HEADER), encode(payload("")));
    for secret in [
        &b""[..],
        b"\0",
        &SECRET[..SECRET.len() - 1],
        b"another secret of more than 32 bytes",
    ] {
        refuses(&sign(&input, secret), TokenError::Signature);
    }
    let swapped = format!(
        "{}.{}",
        encode(HEADER),
        encode(payload(r#","role":"admin""#))
    );
    refuses(
        &with_signature(
            &format!("{swapped}."),
            &signature(&token(HEADER, payload(""))),
        ),
        TokenError::Signature,
    );
}

#[test]
fn the_same_key_under_another_hash_or_padding_is_refused() {
    let (key, other) = (
        SigningKey::generate(Algorithm::Rs256).unwrap(),
        Algorithm::Ps256,
    );
    let jwk = key
        .verifying_key()
        .to_jwk()
        .unwrap()
        .replace("\"alg\":\"RS256\",", "");
    let issuer = TokenIssuer::builder("iss", "aud", key).build().unwrap();
    let token = issuer.issue(&UserId::new("someone").unwrap()).unwrap();
    for algorithm in [other, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps384] {
        let key = VerifyingKey::from_jwk(algorithm, &jwk).unwrap();
        let verifier = TokenVerifier::builder("iss", "aud", key).build().unwrap();
        assert_eq!(
            verifier.verify(token.expose()).unwrap_err(),
            TokenError::Algorithm
        );
        // And with a header that names the verifier's algorithm over the other's signature:
        let header = encode(format!(r#"{{"alg":"{algorithm}","typ":"at+jwt"}}"#));
        let (_, rest) = token.expose().split_once('.').unwrap();
        assert_eq!(
            verifier.verify(&format!("{header}.{rest}")).unwrap_err(),
            TokenError::Signature
        );
    }
}

/// The order of P-256.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// `a - b` of big-endian numbers with `a >= b`.
fn minus(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = vec![0_u8; a.len()];
    let mut borrow = 0_i16;
    for at in (0..a.len()).rev() {
        let digit = i16::from(a[at]) - i16::from(b[at]) - borrow;
        borrow = i16::from(digit < 0);
        difference[at] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    difference
}

#[test]
fn degenerate_ecdsa_signatures_are_refused() {
    let (verifier, token) = pair(Algorithm::Es256);
    let good = signature(&token);
    let (r, s) = good.split_at(32);
    let (zero, one) = ([0_u8; 32], [&[0_u8; 31][..], &[1]].concat());
    let n_plus_one = [&N[..31], &[0x52]].concat();
    for forged in [
        [zero, zero].concat(),
        [&zero[..], s].concat(),
        [r, &zero[..]].concat(),
        [&N[..], s].concat(),
        [r, &N[..]].concat(),
        [&N[..], &N[..]].concat(),
        [&one[..], &one[..]].concat(),
        [&n_plus_one[..], s].concat(),
        [&[0xff; 32][..], &[0xff; 32][..]].concat(),
        [s, r].concat(),
        [&N[..], &zero[..]].concat(),
    ] {
        assert_eq!(
            verifier
                .verify(&with_signature(&token, &forged))
                .unwrap_err(),
            TokenError::Signature
        );
    }
    // The DER form, which some libraries write: SEQUENCE of two INTEGERs.
    let integer = |number: &[u8]| [&[0x02, 33, 0][..], number].concat();
    let der = [&[0x30, 70][..], &integer(r), &integer(s)].concat();
    assert_eq!(
        verifier.verify(&with_signature(&token, &der)).unwrap_err(),
        TokenError::Signature
    );
}

#[test]
fn both_spellings_of_an_ecdsa_signature_are_good_so_tokens_go_by_their_jti() {
    let (verifier, token) = pair(Algorithm::Es256);
    let good = signature(&token);
    let (r, s) = good.split_at(32);
    let mirrored = with_signature(&token, &[r, &minus(&N, s)].concat());
    assert_ne!(mirrored, token);
    let (one, two) = (
        verifier.verify(&token).unwrap(),
        verifier.verify(&mirrored).unwrap(),
    );
    assert_eq!(one.token_id(), two.token_id());
}

#[test]
fn an_ed25519_signature_has_one_spelling() {
    let (verifier, token) = pair(Algorithm::EdDsa);
    let good = signature(&token);
    // S + L, little-endian: the same number to a verifier that does not check its range (RFC 8032 §5.1.7).
    let l = [
        0xed_u8, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
        0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut sum = good.clone();
    let mut carry = 0_u16;
    for (at, digit) in l.iter().enumerate() {
        let total = u16::from(sum[32 + at]) + u16::from(*digit) + carry;
        sum[32 + at] = total.to_le_bytes()[0];
        carry = total >> 8;
    }
    assert_ne!(sum, good);
    assert_eq!(
        verifier.verify(&with_signature(&token, &sum)).unwrap_err(),
        TokenError::Signature
    );
    let identity = [&[1_u8][..], &[0; 63]].concat();
    assert_eq!(
        verifier
            .verify(&with_signature(&token, &identity))
            .unwrap_err(),
        TokenError::Signature
    );
}

#[test]
fn pkcs1_signatures_with_another_padding_are_refused() {
    let (verifier, token) = pair(Algorithm::Rs256);
    let len = signature(&token).len();
    // Signatures that are their own padded message under e = 1, or small cubes.
    for forged in [
        vec![0; len],
        [&vec![0; len - 1][..], &[1]].concat(),
        [&[0, 1][..], &vec![0xff; len - 3], &[0]].concat(),
    ] {
        assert_eq!(
            verifier
                .verify(&with_signature(&token, &forged))
                .unwrap_err(),
            TokenError::Signature
        );
    }
}

#[test]
fn claims_are_not_parsed_before_the_signature_holds() {
    // A payload that can't be parsed at all gets the verdict of its signature, and with a good one its own.
    for hostile in ["", "{", "not json", "[[[[", "\u{0}"] {
        let good = token(HEADER, hostile);
        let mut bad = signature(&good);
        bad[0] ^= 1;
        refuses(&with_signature(&good, &bad), TokenError::Signature);
        refuses(&good, TokenError::Payload);
    }
    // Nor is its base64: an alphabet error behind a wrong signature stays unseen.
    refuses(
        &format!("{}.***.{}", encode(HEADER), encode([0; 32])),
        TokenError::Signature,
    );
    refuses(
        &sign(&format!("{}.***", encode(HEADER)), SECRET),
        TokenError::Payload,
    );
    // The application's type is not reached either.
    #[derive(Debug)]
    struct Panics;
    impl<'de> serde::Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("claims were parsed before the signature held")
        }
    }
    let good = token(HEADER, payload(""));
    assert_eq!(
        verifier()
            .verify_with::<Panics>(&with_signature(&good, &[0; 32]))
            .unwrap_err(),
        TokenError::Signature
    );
}
