//! One text per token: encodings, segments, sizes, and arbitrary bytes.

use super::forge::{HEADER, SECRET, accepts, encode, payload, refuses, sign, token, verifier};
use portcullis::TokenVerifier;
use portcullis::token::{Algorithm, TokenError, VerifyingKey};
use proptest::prelude::*;

#[test]
fn no_single_character_of_a_token_can_be_changed() {
    let good = token(HEADER, payload(r#","role":"user""#));
    accepts(&good);
    let verifier = verifier();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ~\n\0%\"";
    for at in 0..good.len() {
        for &letter in alphabet {
            let mut bytes = good.clone().into_bytes();
            if bytes[at] != letter {
                bytes[at] = letter;
                assert!(
                    verifier
                        .verify(core::str::from_utf8(&bytes).unwrap())
                        .is_err(),
                    "{at} {}",
                    char::from(letter)
                );
            }
        }
        let (before, after) = good.split_at(at);
        assert!(
            verifier
                .verify(&format!("{before}{}", &after[1..]))
                .is_err(),
            "without {at}"
        );
        for letter in ["A", "=", ".", " ", "\n", "\u{200b}", "-"] {
            assert!(
                verifier
                    .verify(&format!("{before}{letter}{after}"))
                    .is_err(),
                "{letter:?} before {at}"
            );
        }
    }
    for tail in [
        "=", "==", "A", ".", " ", "\n", "\0", "\u{feff}", "\u{200b}", "%00",
    ] {
        assert!(
            verifier.verify(&format!("{good}{tail}")).is_err(),
            "{tail:?} behind"
        );
        assert!(
            verifier.verify(&format!("{tail}{good}")).is_err(),
            "{tail:?} before"
        );
    }
}

#[test]
fn one_dot_too_many_or_too_few_is_another_shape_signed_or_not() {
    // The spelling of our own issuer, which is known by its bytes, and another.
    for header in [HEADER, r#"{"typ":"at+jwt","alg":"HS256"}"#] {
        let good = token(header, payload(""));
        accepts(&good);
        let (input, signature) = good.rsplit_once('.').unwrap();
        refuses(input, TokenError::Shape);
        refuses(&input.replace('.', ""), TokenError::Shape);
        refuses(&format!("{input}{signature}"), TokenError::Shape);
        let (header, body) = input.split_once('.').unwrap();
        for at in 0..=body.len() {
            let (before, after) = body.split_at(at);
            let input = format!("{header}.{before}.{after}");
            refuses(&sign(&input, SECRET), TokenError::Shape);
            refuses(&format!("{input}.{signature}"), TokenError::Shape);
        }
        for at in 0..=signature.len() {
            let (before, after) = signature.split_at(at);
            refuses(&format!("{input}.{before}.{after}"), TokenError::Shape);
        }
    }
}

#[test]
fn stray_trailing_bits_are_refused_in_every_segment() {
    // Two bytes take three characters; the last one has two bits to spare.
    for (canonical, stray) in [("AAA", "AAB"), ("AA", "AB"), ("_w", "_x"), ("__8", "__9")] {
        assert!(
            base64_simd::URL_SAFE_NO_PAD
                .decode_to_vec(canonical)
                .is_ok()
        );
        assert!(base64_simd::URL_SAFE_NO_PAD.decode_to_vec(stray).is_err());
    }
    let good = token(HEADER, payload(""));
    let (input, tag) = good.rsplit_once('.').unwrap();
    let last = tag.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = alphabet.find(last).unwrap();
    for stray in 1..4 {
        let other = alphabet.chars().nth(value | stray).unwrap();
        if other != last {
            refuses(
                &format!("{input}.{}{other}", &tag[..tag.len() - 1]),
                TokenError::Signature,
            );
        }
    }
    // A signed payload with stray bits: the signature holds, the encoding does not.
    let text = encode(payload(",\"pad\":1"));
    let spare = text.len() % 4;
    assert!(spare != 0, "the payload must end in a partial group");
    let value = alphabet.find(text.chars().last().unwrap()).unwrap();
    let stray = format!(
        "{}{}",
        &text[..text.len() - 1],
        alphabet.chars().nth(value | 1).unwrap()
    );
    refuses(
        &sign(&format!("{}.{stray}", encode(HEADER)), SECRET),
        TokenError::Payload,
    );
}

#[test]
fn padding_and_the_standard_alphabet_are_refused_even_when_signed() {
    let header = encode(HEADER);
    for text in [
        format!("{}=", encode(payload(""))),
        format!("{}==", encode(payload(""))),
        format!(" {}", encode(payload(""))),
        format!("{}\n", encode(payload(""))),
    ] {
        refuses(
            &sign(&format!("{header}.{text}"), SECRET),
            TokenError::Payload,
        );
    }
    let odd = encode(payload(r#","x":"~~~???ÿÿÿ>>>""#))
        .replace('-', "+")
        .replace('_', "/");
    assert!(odd.contains(['+', '/']));
    refuses(
        &sign(&format!("{header}.{odd}"), SECRET),
        TokenError::Payload,
    );
    refuses(
        &sign(&format!("{header}=.{}", encode(payload(""))), SECRET),
        TokenError::Header,
    );
    refuses(
        &sign(&format!("{header} .{}", encode(payload(""))), SECRET),
        TokenError::Header,
    );
}

#[test]
fn a_token_has_exactly_three_segments() {
    let good = token(HEADER, payload(""));
    let parts: Vec<_> = good.split('.').collect();
    for text in [
        String::new(),
        ".".into(),
        parts[0].into(),
        parts[..2].join("."),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{}", parts[2]),
        parts.join(".."),
        "a.b.c.d".into(),
        "a.b.c.d.e".into(),
        ".".repeat(7000),
        format!("{good}.{good}"),
        parts.join("%2E"),
        parts.join("\u{2024}"),
    ] {
        assert_eq!(
            verifier().verify(&text).unwrap_err(),
            TokenError::Shape,
            "{text:.60}"
        );
    }
    assert_eq!(verifier().verify("..").unwrap_err(), TokenError::Header);
    assert_eq!(
        verifier().verify(&format!("{}..", parts[0])).unwrap_err(),
        TokenError::Signature
    );
    assert_eq!(
        verifier()
            .verify(&format!("{}.{}.", parts[0], parts[1]))
            .unwrap_err(),
        TokenError::Signature
    );
}

#[test]
fn other_serializations_are_refused() {
    let good = token(HEADER, payload(""));
    let parts: Vec<_> = good.split('.').collect();
    for text in [
        format!(
            r#"{{"payload":"{}","protected":"{}","signature":"{}"}}"#,
            parts[1], parts[0], parts[2]
        ),
        format!(
            r#"{{"payload":"{}","signatures":[{{"protected":"{}","signature":"{}"}}]}}"#,
            parts[1], parts[0], parts[2]
        ),
        format!("Bearer {good}"),
        format!("bearer {good}"),
        format!("\"{good}\""),
        format!("'{good}'"),
        format!("<{good}>"),
        format!("{good};"),
        format!(r#"{{"{good}":1}}"#),
    ] {
        assert!(verifier().verify(&text).is_err(), "{text:.40}");
    }
}

#[test]
fn a_token_over_the_limit_is_refused_before_anything_is_decoded() {
    let sized = |bytes: usize| {
        let empty = token(HEADER, payload(r#","x":"""#)).len();
        let mut fill = (bytes - empty) * 3 / 4;
        loop {
            let text = token(HEADER, payload(&format!(r#","x":"{}""#, "x".repeat(fill))));
            if text.len() >= bytes {
                return text;
            }
            fill += 1;
        }
    };
    let fits = sized(8 * 1024 - 2);
    assert!(fits.len() <= 8 * 1024);
    accepts(&fits);
    refuses(&sized(8 * 1024 + 1), TokenError::TooLong);
    refuses(&"a".repeat(16 * 1024 * 1024), TokenError::TooLong);
    let key = VerifyingKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    let strict = TokenVerifier::builder("https://issuer.example", "api", key)
        .max_bytes(256)
        .build()
        .unwrap();
    assert_eq!(strict.verify(&fits).unwrap_err(), TokenError::TooLong);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_refused_and_never_panics(text in "\\PC{0,200}") {
        prop_assert!(verifier().verify(&text).is_err());
    }

    #[test]
    fn arbitrary_segments_are_refused_and_never_panic(header in any::<Vec<u8>>(), body in any::<Vec<u8>>(), tag in any::<Vec<u8>>()) {
        let text = format!("{}.{}.{}", encode(header), encode(body), encode(tag));
        prop_assert!(verifier().verify(&text).is_err());
    }

    #[test]
    fn arbitrary_signed_payloads_are_refused_and_never_panic(body in any::<Vec<u8>>()) {
        prop_assert!(verifier().verify(&token(HEADER, body)).is_err());
    }

    #[test]
    fn mutated_payloads_never_panic_and_never_change_who_it_is_about(at in 0_usize..200, byte in any::<u8>()) {
        let mut bytes = payload(r#","x":{"y":[1,"\u00e4",null]}"#).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(claims) = verifier().verify_with::<serde_json::Value>(&token(HEADER, &bytes)) {
            let told: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(told["sub"].as_str(), Some(claims.subject().as_str()));
        }
    }
}
