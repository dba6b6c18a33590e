//! A verifier that remembers tokens gives the verdict of one that does not, at every time and for every text.

use super::forge::{HEADER, NOW, SECRET, encode, payload, sign, token};
use portcullis::clock::Clock as _;
use portcullis::test_util::ManualClock;
use portcullis::token::{
    Algorithm, BuildError, KeySet, Presented, Revocations, Scratch, SigningKey, TokenError,
    VerifyingKey,
};
use portcullis::{Claims, TokenIssuer, TokenVerifier, UserId};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

#[derive(Debug, PartialEq, Deserialize)]
struct Own {
    role: Option<String>,
}

fn clock() -> ManualClock {
    let clock = ManualClock::default();
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW));
    clock
}

fn key() -> VerifyingKey {
    VerifyingKey::from_secret(Algorithm::Hs256, SECRET).unwrap()
}

fn caching(clock: &ManualClock) -> TokenVerifier {
    TokenVerifier::builder("https://issuer.example", "api", key())
        .clock(clock.clone())
        .cache(1024 * 1024)
        .build()
        .unwrap()
}

fn shared(verifier: &TokenVerifier, token: &str) -> Result<Arc<Claims<Own>>, TokenError> {
    verifier.verify_shared(token)
}

/// Whether the verifier knew the token: then it gives the claims it has, not new ones.
#[track_caller]
fn is_known(verifier: &TokenVerifier, token: &str) -> bool {
    let (one, other) = (shared(verifier, token), shared(verifier, token));
    Arc::ptr_eq(&one.unwrap(), &other.unwrap())
}

#[test]
fn a_token_seen_before_gives_the_same_claims_and_a_verifier_without_a_cache_new_ones() {
    let clock = clock();
    let token = token(HEADER, payload(r#","role":"admin""#));
    let verifier = caching(&clock);
    let claims = shared(&verifier, &token).unwrap();
    assert_eq!(claims.extra().role.as_deref(), Some("admin"));
    assert!(Arc::ptr_eq(&claims, &shared(&verifier, &token).unwrap()));
    let clone = verifier.clone();
    assert!(Arc::ptr_eq(&claims, &shared(&clone, &token).unwrap()));
    let other = caching(&clock);
    assert!(!Arc::ptr_eq(&claims, &shared(&other, &token).unwrap()));
    let plain = super::forge::verifier();
    assert!(!is_known(&plain, &token));
}

#[test]
fn claims_can_be_asked_for_in_any_type_and_way_and_order() {
    let clock = clock();
    let token = token(HEADER, payload(r#","role":"admin""#));
    for first in 0..5 {
        let verifier = caching(&clock);
        for turn in 0..10 {
            let subject = match (first + turn) % 5 {
                0 => shared(&verifier, &token).unwrap().subject().to_string(),
                1 => {
                    let claims = verifier.verify_shared::<()>(&token).unwrap();
                    claims.subject().to_string()
                }
                2 => verifier.verify(&token).unwrap().subject().to_string(),
                3 => {
                    let claims = verifier.verify_with::<Own>(&token).unwrap();
                    assert_eq!(claims.extra().role.as_deref(), Some("admin"));
                    claims.subject().to_string()
                }
                _ => {
                    let mut scratch = Scratch::new();
                    let claims = verifier.verify_borrowed::<Own>(&token, &mut scratch);
                    claims.unwrap().subject().to_owned()
                }
            };
            assert_eq!(subject, "someone");
        }
        assert!(is_known(&verifier, &token));
    }
    // What does not fit one type is refused for it, known or not.
    #[derive(Debug, Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "only its reading matters")]
        role: u8,
    }
    let verifier = caching(&clock);
    for _ in 0..2 {
        let refused = verifier.verify_shared::<Other>(&token);
        assert_eq!(refused.unwrap_err(), TokenError::OwnClaims);
        assert!(is_known(&verifier, &token));
    }
}

#[test]
fn time_counts_at_every_hit() {
    let clock = clock();
    let verifier = caching(&clock);
    let good = token(HEADER, payload(&format!(r#","nbf":{}"#, NOW - 5)));
    assert!(is_known(&verifier, &good));
    for (seconds, verdict) in [
        (NOW + 99, Ok(())),
        (NOW + 100, Err(TokenError::Expired)),
        (NOW, Ok(())),
        (NOW - 10, Ok(())),
        (NOW - 11, Err(TokenError::NotYetValid)),
        (NOW - 16, Err(TokenError::NotYetValid)),
        (NOW + 1_000_000, Err(TokenError::Expired)),
        (NOW, Ok(())),
    ] {
        clock.set(UNIX_EPOCH + Duration::from_secs(seconds));
        for _ in 0..2 {
            assert_eq!(shared(&verifier, &good).map(drop), verdict, "{seconds}");
            assert_eq!(verifier.verify(&good).map(drop), verdict, "{seconds}");
        }
    }
    clock.set(UNIX_EPOCH + Duration::new(NOW + 99, 999_999_999));
    assert!(is_known(&verifier, &good));
    // Without `nbf` it is `iat` that a clock turned back falls short of.
    let plain = token(HEADER, payload(""));
    shared(&verifier, &plain).unwrap();
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW - 15));
    assert!(is_known(&verifier, &plain));
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW - 16));
    let refused = shared(&verifier, &plain).unwrap_err();
    assert_eq!(refused, TokenError::IssuedInFuture);
}

#[test]
fn leeway_counts_as_it_does_without_a_cache() {
    let clock = clock();
    let verifier = TokenVerifier::builder("https://issuer.example", "api", key())
        .clock(clock.clone())
        .leeway(Duration::from_secs(7))
        .cache(1024 * 1024)
        .build()
        .unwrap();
    let token = token(HEADER, payload(&format!(r#","nbf":{NOW}"#)));
    assert!(is_known(&verifier, &token));
    for (seconds, good) in [
        (NOW + 106, true),
        (NOW + 107, false),
        (NOW - 7, true),
        (NOW - 8, false),
    ] {
        clock.set(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(shared(&verifier, &token).is_ok(), good, "{seconds}");
    }
}

#[test]
fn a_key_at_the_end_of_its_overlap_takes_its_tokens_along() {
    let clock = clock();
    let key = |kid: &str| {
        SigningKey::generate(Algorithm::EdDsa)
            .unwrap()
            .with_kid(kid)
    };
    let (old, new) = (key("old"), key("new"));
    let until = clock.now() + Duration::from_secs(10);
    let keys = KeySet::from(new.verifying_key())
        .and_until(old.verifying_key(), until)
        .unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", keys)
        .clock(clock.clone())
        .cache(1024 * 1024)
        .build()
        .unwrap();
    let issue = |key| {
        let issuer = TokenIssuer::builder("iss", "aud", key).clock(clock.clone());
        let token = issuer.build().unwrap().issue(&UserId::new("x").unwrap());
        token.unwrap().expose().to_owned()
    };
    let (of_old, of_new) = (issue(old), issue(new));
    assert!(is_known(&verifier, &of_old) && is_known(&verifier, &of_new));
    // Also when the token is known by another type's entry only.
    verifier.verify_shared::<()>(&of_old).unwrap();
    clock.advance(Duration::from_secs(10));
    assert_eq!(
        shared(&verifier, &of_old).unwrap_err(),
        TokenError::UnknownKey
    );
    assert_eq!(
        verifier.verify_shared::<()>(&of_old).unwrap_err(),
        TokenError::UnknownKey
    );
    assert!(is_known(&verifier, &of_new));
}

#[test]
fn a_text_that_shares_its_end_or_beginning_with_a_known_one_is_not_known() {
    let clock = clock();
    let verifier = caching(&clock);
    let good = token(HEADER, payload(r#","role":"user""#));
    assert!(is_known(&verifier, &good));
    let (_, signature) = good.rsplit_once('.').unwrap();
    let header = encode(HEADER);
    let admin = encode(payload(r#","role":"admin""#));
    for text in [
        format!("{header}.{admin}.{signature}"),
        format!("x{good}"),
        good[1..].to_owned(),
        format!("{good}="),
        format!("{} ", &good[..good.len() - 1]),
    ] {
        for _ in 0..2 {
            assert!(shared(&verifier, &text).is_err(), "{text}");
        }
    }
    // Every single character counts, however near to the end or far from it.
    for at in 0..good.len() {
        let mut text = good.clone().into_bytes();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(text).unwrap();
        assert!(text == good || shared(&verifier, &text).is_err(), "{at}");
    }
    assert!(is_known(&verifier, &good));
}

#[test]
fn refusals_are_not_remembered() {
    let clock = clock();
    let verifier = caching(&clock);
    let early = token(HEADER, payload(&format!(r#","nbf":{}"#, NOW + 10)));
    let foreign = sign(
        &format!("{}.{}", encode(HEADER), encode(payload(""))),
        b"another secret of more than 32 bytes",
    );
    for _ in 0..3 {
        assert!(shared(&verifier, &early).is_err() && shared(&verifier, &foreign).is_err());
    }
    clock.advance(Duration::from_secs(5));
    assert!(shared(&verifier, &early).is_ok(), "its time has come");
}

#[derive(Debug, Default, Clone)]
struct SignedOut(Arc<Mutex<HashSet<String>>>);

impl Revocations for SignedOut {
    fn is_revoked(&self, token: &Presented<'_>) -> bool {
        assert_eq!(token.subject(), "someone");
        assert_eq!(
            token.issued_at(),
            UNIX_EPOCH + Duration::from_secs(NOW - 10)
        );
        assert_eq!(token.epoch(), 0);
        let names = self.0.lock().unwrap();
        token.token_id().is_none_or(|name| names.contains(name))
    }
}

#[test]
fn a_token_that_is_revoked_is_refused_at_once_known_or_not() {
    let clock = clock();
    let token = token(HEADER, payload(""));
    for cached in [false, true] {
        let revoked = SignedOut::default();
        let builder = TokenVerifier::builder("https://issuer.example", "api", key())
            .clock(clock.clone())
            .revocations(revoked.clone());
        let builder = if cached {
            builder.cache(1 << 20)
        } else {
            builder
        };
        let verifier = builder.build().unwrap();
        let mut scratch = Scratch::new();
        assert_eq!(is_known(&verifier, &token), cached);
        let mut is_refused = |revoked: bool| {
            let verdict = if revoked {
                Err(TokenError::Revoked)
            } else {
                Ok(())
            };
            for _ in 0..2 {
                assert_eq!(shared(&verifier, &token).map(drop), verdict);
                assert_eq!(verifier.verify(&token).map(drop), verdict);
                let borrowed = verifier.verify_borrowed::<Own>(&token, &mut scratch);
                assert_eq!(borrowed.map(drop), verdict);
            }
        };
        is_refused(false);
        revoked.0.lock().unwrap().insert("j".into());
        is_refused(true);
        revoked.0.lock().unwrap().clear();
        is_refused(false);
    }
}

#[test]
fn threads_that_see_one_token_all_get_its_claims() {
    let clock = clock();
    let verifier = caching(&clock);
    let tokens: Vec<_> = (0..50)
        .map(|n| token(HEADER, payload(&format!(r#","role":"{n}""#))))
        .collect();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for (n, token) in (0..20).flat_map(|_| tokens.iter().enumerate()) {
                    let claims = shared(&verifier, token).unwrap();
                    assert_eq!(claims.extra().role, Some(n.to_string()));
                }
            });
        }
    });
}

#[test]
fn tokens_beyond_the_bound_push_others_out_and_all_stay_good() {
    let clock = clock();
    let small = TokenVerifier::builder("https://issuer.example", "api", key())
        .clock(clock.clone())
        .cache(16 * 1024)
        .build()
        .unwrap();
    let tokens: Vec<_> = (0..200)
        .map(|n| token(HEADER, payload(&format!(r#","role":"{n}""#))))
        .collect();
    for (n, token) in (0..3).flat_map(|_| tokens.iter().enumerate()) {
        let claims = shared(&small, token).unwrap();
        assert_eq!(claims.extra().role, Some(n.to_string()));
    }
    assert!(is_known(&small, tokens.last().unwrap()));
    // Larger than all there is for it: verified each time.
    let builder = TokenVerifier::builder("https://issuer.example", "api", key())
        .clock(clock)
        .max_bytes(64 * 1024)
        .cache(16 * 1024);
    let large = token(
        HEADER,
        payload(&format!(r#","role":"{}""#, "x".repeat(20_000))),
    );
    assert!(!is_known(&builder.build().unwrap(), &large));
}

#[test]
fn a_cache_that_can_hold_nothing_is_refused() {
    let build = |bytes| {
        let builder = TokenVerifier::builder("iss", "aud", key()).cache(bytes);
        builder.build().map(drop)
    };
    let too_small = BuildError::CacheBytes {
        min_bytes: 16 * 1024,
    };
    assert_eq!(build(0), Err(too_small));
    assert_eq!(build(16 * 1024 - 1), Err(too_small));
    assert_eq!(build(16 * 1024), Ok(()));
}
