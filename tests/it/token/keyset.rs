//! Sets of keys: exact lookup by `kid`, rotation with overlap, JWK Sets.

use super::forge::{NOW, Stopped};
use portcullis::token::{
    Algorithm, BuildError, KeyError, KeySet, SigningKey, TokenError, VerifyingKey,
};
use portcullis::{AccessToken, TokenIssuer, TokenVerifier, UserId};
use std::time::{Duration, UNIX_EPOCH};

fn key(algorithm: Algorithm, kid: &str) -> SigningKey {
    SigningKey::generate(algorithm).unwrap().with_kid(kid)
}

fn issue(key: &SigningKey) -> AccessToken {
    let issuer = TokenIssuer::builder("iss", "aud", key.clone())
        .clock(Stopped(Duration::from_secs(NOW)))
        .build()
        .unwrap();
    issuer.issue(&UserId::new("someone").unwrap()).unwrap()
}

fn verdict(keys: impl Into<KeySet>, token: &AccessToken, at: u64) -> Result<(), TokenError> {
    let verifier = TokenVerifier::builder("iss", "aud", keys)
        .clock(Stopped(Duration::from_secs(at)))
        .build()
        .unwrap();
    verifier.verify(token.expose()).map(|_| ())
}

#[test]
fn a_token_is_verified_with_the_key_it_names_and_no_other() {
    let (one, two, three) = (
        key(Algorithm::EdDsa, "1"),
        key(Algorithm::Es256, "2"),
        key(Algorithm::EdDsa, "3"),
    );
    let keys = KeySet::from(one.verifying_key())
        .and(two.verifying_key())
        .unwrap();
    assert_eq!(verdict(keys.clone(), &issue(&one), NOW), Ok(()));
    assert_eq!(verdict(keys.clone(), &issue(&two), NOW), Ok(()));
    assert_eq!(
        verdict(keys.clone(), &issue(&three), NOW),
        Err(TokenError::UnknownKey)
    );
    // A name with somebody else's key behind it, of the same algorithm and of another.
    assert_eq!(
        verdict(keys.clone(), &issue(&key(Algorithm::EdDsa, "1")), NOW),
        Err(TokenError::Signature)
    );
    assert_eq!(
        verdict(keys.clone(), &issue(&key(Algorithm::Es256, "1")), NOW),
        Err(TokenError::Algorithm)
    );
    // Which of several keys, nobody guesses.
    assert_eq!(
        verdict(
            keys,
            &issue(&SigningKey::generate(Algorithm::EdDsa).unwrap()),
            NOW
        ),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn the_only_key_answers_for_tokens_that_name_none_but_not_for_other_names() {
    let named = key(Algorithm::EdDsa, "1");
    let jwk = named
        .verifying_key()
        .to_jwk()
        .unwrap()
        .replace(r#","kid":"1""#, "");
    let unnamed = VerifyingKey::from_jwk(Algorithm::EdDsa, &jwk).unwrap();
    assert_eq!(
        verdict(unnamed, &issue(&named), NOW),
        Err(TokenError::UnknownKey)
    );

    let secret = SigningKey::from_secret(Algorithm::Hs256, super::forge::SECRET).unwrap();
    let token = issue(&secret);
    assert_eq!(
        verdict(secret.verifying_key().with_kid("1"), &token, NOW),
        Ok(())
    );
    assert_eq!(
        verdict(
            secret.verifying_key().with_kid("1"),
            &issue(&secret.clone().with_kid("2")),
            NOW
        ),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(
        verdict(
            secret.verifying_key().with_kid("1"),
            &issue(&secret.with_kid("1")),
            NOW
        ),
        Ok(())
    );
}

#[test]
fn an_old_key_is_accepted_only_in_its_time_of_overlap() {
    let (old, new) = (key(Algorithm::Es256, "old"), key(Algorithm::Es256, "new"));
    let until = UNIX_EPOCH + Duration::from_secs(NOW + 60);
    let keys = KeySet::from(new.verifying_key())
        .and_until(old.verifying_key(), until)
        .unwrap();
    let token = issue(&old);
    assert_eq!(verdict(keys.clone(), &token, NOW + 59), Ok(()));
    assert_eq!(
        verdict(keys.clone(), &token, NOW + 60),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(verdict(keys, &issue(&new), NOW + 60), Ok(()));
    assert_eq!(
        verdict(new.verifying_key(), &token, NOW),
        Err(TokenError::UnknownKey)
    );
    // The same through a header that is read and not recognised by its bytes.
    let (header, rest) = token.expose().split_once('.').unwrap();
    assert_ne!(
        header,
        super::forge::encode(r#"{"typ":"at+jwt","kid":"old","alg":"ES256"}"#)
    );
    assert_eq!(rest.split('.').count(), 2);
}

#[test]
fn a_set_has_no_name_twice_and_does_not_mix_secrets_with_public_keys() {
    let secret = SigningKey::from_secret(Algorithm::Hs256, super::forge::SECRET)
        .unwrap()
        .verifying_key();
    let (one, two) = (
        key(Algorithm::EdDsa, "1").verifying_key(),
        key(Algorithm::Es256, "1").verifying_key(),
    );
    let set = || KeySet::from(one.clone());
    assert_eq!(set().and(two.clone()).unwrap_err(), KeyError::DuplicateKid);
    assert_eq!(
        set().and(secret.clone()).unwrap_err(),
        KeyError::DuplicateKid
    );
    assert_eq!(
        set().and(secret.with_kid("2")).unwrap_err(),
        KeyError::MixedKeys
    );
    assert_eq!(set().and(two.with_kid("2")).map(|set| set.len()), Ok(2));
    assert_eq!(
        TokenVerifier::builder("iss", "aud", KeySet::default())
            .build()
            .unwrap_err(),
        BuildError::NoKey
    );
    for kid in [String::new(), "k".repeat(256)] {
        let key = one.clone().with_kid(kid);
        assert_eq!(
            TokenVerifier::builder("iss", "aud", key)
                .build()
                .unwrap_err(),
            BuildError::Kid
        );
    }
}

#[test]
fn a_token_without_kid_is_tried_with_each_secret_without_kid() {
    let secret = |n: u8| {
        let bytes: Vec<u8> = (n..n + 64).collect();
        SigningKey::from_secret(Algorithm::Hs256, &bytes).unwrap()
    };
    let (new, old, older, other) = (secret(1), secret(2), secret(3), secret(4));
    let until = UNIX_EPOCH + Duration::from_secs(NOW + 60);
    let keys = KeySet::from(new.verifying_key())
        .and_until(old.verifying_key(), until)
        .unwrap()
        .and(older.verifying_key())
        .unwrap();
    for key in [&new, &old, &older] {
        assert_eq!(verdict(keys.clone(), &issue(key), NOW), Ok(()));
    }
    let unsigned = Err(TokenError::Signature);
    assert_eq!(verdict(keys.clone(), &issue(&other), NOW), unsigned);
    assert_eq!(verdict(keys.clone(), &issue(&old), NOW + 60), unsigned);
    assert_eq!(verdict(keys.clone(), &issue(&older), NOW + 60), Ok(()));
    // A name is not guessed at.
    let named = issue(&old.clone().with_kid("old"));
    assert_eq!(verdict(keys, &named, NOW), Err(TokenError::UnknownKey));

    // The first may be over before the others are, and alone it is over as ever.
    let first = KeySet::default()
        .and_until(old.verifying_key(), until)
        .unwrap();
    assert_eq!(
        verdict(first.clone(), &issue(&old), NOW + 60),
        Err(TokenError::UnknownKey)
    );
    let both = first.and(new.verifying_key()).unwrap();
    assert_eq!(verdict(both.clone(), &issue(&new), NOW + 60), Ok(()));
    assert_eq!(
        verdict(both, &issue(&old), NOW + 60),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn a_cached_token_of_a_retiring_secret_without_kid_ends_with_that_secret() {
    let secret =
        |n: u8| SigningKey::from_secret(Algorithm::Hs256, &(n..n + 64).collect::<Vec<_>>());
    let (new, old) = (secret(1).unwrap(), secret(2).unwrap());
    let clock = portcullis::test_util::ManualClock::new(UNIX_EPOCH + Duration::from_secs(NOW));
    let keys = KeySet::from(new.verifying_key())
        .and_until(
            old.verifying_key(),
            UNIX_EPOCH + Duration::from_secs(NOW + 60),
        )
        .unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", keys)
        .cache(1024 * 1024)
        .clock(clock.clone())
        .build()
        .unwrap();
    let (of_old, of_new) = (issue(&old), issue(&new));
    let verify = |token: &AccessToken| verifier.verify_shared::<()>(token.expose()).map(|_| ());
    for _ in 0..3 {
        assert_eq!((verify(&of_old), verify(&of_new)), (Ok(()), Ok(())));
    }
    clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        assert_eq!(
            (verify(&of_old), verify(&of_new)),
            (Err(TokenError::Signature), Ok(()))
        );
    }
}

#[test]
fn only_secrets_of_one_algorithm_may_share_a_set_without_kid() {
    let secret = |algorithm| {
        let bytes: Vec<u8> = (0..64).collect();
        VerifyingKey::from_secret(algorithm, &bytes).unwrap()
    };
    let set = || KeySet::from(secret(Algorithm::Hs256));
    assert_eq!(
        set().and(secret(Algorithm::Hs256)).map(|set| set.len()),
        Ok(2)
    );
    for other in [
        secret(Algorithm::Hs384),
        secret(Algorithm::Hs256).with_kid("1"),
    ] {
        assert_eq!(set().and(other).unwrap_err(), KeyError::DuplicateKid);
    }
    let public = || {
        let jwk = key(Algorithm::EdDsa, "1").verifying_key().to_jwk().unwrap();
        VerifyingKey::from_jwk(Algorithm::EdDsa, &jwk.replace(r#","kid":"1""#, "")).unwrap()
    };
    assert_eq!(
        KeySet::from(public()).and(public()).unwrap_err(),
        KeyError::DuplicateKid
    );
}

#[test]
fn a_published_set_reads_back_and_holds_no_secret() {
    let keys = [
        Algorithm::EdDsa,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Rs256,
        Algorithm::Ps512,
    ]
    .map(|a| key(a, a.name()));
    let mut set = KeySet::from(keys[0].verifying_key());
    for key in &keys[1..] {
        set = set.and(key.verifying_key()).unwrap();
    }
    let document = set.to_jwks();
    let (back, left_out) = KeySet::from_jwks(&document).unwrap();
    assert_eq!((back.len(), left_out), (5, 0));
    assert_eq!(back.to_jwks(), document);
    for key in &keys {
        assert_eq!(verdict(back.clone(), &issue(key), NOW), Ok(()));
    }
    for private in ["\"d\"", "\"p\"", "\"k\""] {
        assert!(!document.contains(private));
    }
    let secret = SigningKey::from_secret(Algorithm::Hs256, super::forge::SECRET).unwrap();
    assert_eq!(
        KeySet::from(secret.verifying_key()).to_jwks(),
        r#"{"keys":[]}"#
    );
}

#[test]
fn keys_of_a_set_that_cannot_be_used_are_left_out_and_counted() {
    let good = key(Algorithm::Es256, "good")
        .verifying_key()
        .to_jwk()
        .unwrap();
    let document = format!(
        r#"{{"keys":[{good},{},{},{},{},{},{}],"extra":1}}"#,
        r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","alg":"HS256","kid":"a"}"#,
        r#"{"kty":"future","alg":"XX999","kid":"b"}"#,
        r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","alg":"ES256","kid":"c"}"#,
        good.replace(r#""alg":"ES256","#, "").replace("good", "d"),
        good.replace(r#","kid":"good""#, ""),
        good.replace(r#""use":"sig""#, r#""use":"enc""#)
            .replace("good", "e"),
    );
    let (set, left_out) = KeySet::from_jwks(&document).unwrap();
    assert_eq!((set.len(), left_out), (1, 6));
    assert_eq!(
        KeySet::from_jwks(&format!(r#"{{"keys":[{good},{good}]}}"#)).unwrap_err(),
        KeyError::DuplicateKid
    );
    for broken in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"kty":"EC","kty":"EC"}]}"#,
    ] {
        assert_eq!(
            KeySet::from_jwks(broken).unwrap_err(),
            KeyError::Malformed,
            "{broken}"
        );
    }
    assert_eq!(
        KeySet::from_jwks(&format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000))).unwrap_err(),
        KeyError::Malformed
    );
}
