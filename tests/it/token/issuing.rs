//! What the issuer writes, and what it refuses to write.

use super::forge::{NOW, SECRET, Stopped};
use portcullis::token::{Algorithm, BuildError, SigningKey, Subject};
use portcullis::{TokenIssuer, TokenVerifier, UserId};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, UNIX_EPOCH};

pub(super) fn issuer() -> TokenIssuer {
    let key = SigningKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    TokenIssuer::builder("https://issuer.example/\"", "api", key)
        .clock(Stopped(Duration::new(NOW, 999_999_999)))
        .build()
        .unwrap()
}

pub(super) fn someone() -> UserId {
    UserId::new("some\"one").unwrap()
}

fn segments(token: &str) -> (Value, Value) {
    let mut parts = token
        .split('.')
        .map(|part| base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part));
    let mut next = || serde_json::from_slice(&parts.next().unwrap().unwrap()).unwrap();
    (next(), next())
}

#[test]
fn a_token_says_exactly_what_it_should() {
    let token = issuer().issue(Subject::from(&someone()).epoch(3)).unwrap();
    let (header, mut claims) = segments(token.expose());
    assert_eq!(header, json!({"alg": "HS256", "typ": "at+jwt"}));
    let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(
        base64_simd::URL_SAFE_NO_PAD
            .decode_to_vec(id.as_str().unwrap())
            .unwrap()
            .len(),
        16
    );
    assert_eq!(
        claims,
        json!({"iss": "https://issuer.example/\"", "aud": "api", "sub": "some\"one", "iat": NOW, "exp": NOW + 900, "epoch": 3})
    );
    assert_eq!(token.expires_in(), Duration::from_secs(900));

    let token = issuer()
        .issue_with(
            &someone(),
            &json!({"role": "admin", "list": [1, {"a": null}]}),
        )
        .unwrap();
    let (_, claims) = segments(token.expose());
    assert_eq!(
        (&claims["role"], &claims["list"], claims.get("epoch")),
        (&json!("admin"), &json!([1, {"a": null}]), None)
    );
}

#[test]
fn a_key_name_goes_into_the_header_whatever_is_in_it() {
    let key = SigningKey::from_secret(Algorithm::Hs256, SECRET)
        .unwrap()
        .with_kid("a\"b\\c\u{e4}");
    let verifier = TokenVerifier::builder("i", "a", key.verifying_key())
        .build()
        .unwrap();
    let token = TokenIssuer::builder("i", "a", key)
        .build()
        .unwrap()
        .issue(&someone())
        .unwrap();
    assert_eq!(segments(token.expose()).0["kid"], json!("a\"b\\c\u{e4}"));
    verifier.verify(token.expose()).unwrap();
}

#[test]
fn own_claims_are_an_object_and_never_take_a_registered_name() {
    #[derive(Serialize)]
    struct Twice {
        role: u8,
        #[serde(flatten)]
        more: BTreeMap<String, u8>,
    }
    let refused = |extra: &dyn Fn(&TokenIssuer) -> bool| assert!(extra(&issuer()));
    for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "epoch"] {
        refused(&|issuer| {
            issuer
                .issue_with(&someone(), &BTreeMap::from([(name, 1)]))
                .is_err()
        });
    }
    for extra in [json!([1]), json!("text"), json!(1), json!(true)] {
        refused(&|issuer| issuer.issue_with(&someone(), &extra).is_err());
    }
    let twice = Twice {
        role: 1,
        more: BTreeMap::from([("role".to_owned(), 2)]),
    };
    refused(&|issuer| issuer.issue_with(&someone(), &twice).is_err());
    refused(&|issuer| issuer.issue_with(&someone(), &Fails).is_err());
    for extra in [
        json!({}),
        json!(null),
        json!({"exp ": 1, "nested": {"exp": 1}}),
    ] {
        assert!(issuer().issue_with(&someone(), &extra).is_ok());
    }
}

struct Fails;
impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("never"))
    }
}

#[test]
fn token_ids_are_unique() {
    let issuer = issuer();
    let ids: HashSet<_> = (0..100_000)
        .map(|_| segments(issuer.issue(&someone()).unwrap().expose()).1["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 100_000);
}

#[test]
fn what_cannot_be_is_refused_when_it_is_built() {
    let key = || SigningKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    let build = |issuer: &str, audience: &str| {
        TokenIssuer::builder(issuer, audience, key())
            .build()
            .map(|_| ())
    };
    assert_eq!(build("", "a"), Err(BuildError::Issuer));
    assert_eq!(build("i\n", "a"), Err(BuildError::Issuer));
    assert_eq!(build("i", ""), Err(BuildError::Audience));
    assert_eq!(build("i", "a\0"), Err(BuildError::Audience));
    let day = Duration::from_secs(86_400);
    for lifetime in [
        Duration::ZERO,
        Duration::from_millis(999),
        day + Duration::from_nanos(1),
        Duration::MAX,
    ] {
        let error = TokenIssuer::builder("i", "a", key())
            .lifetime(lifetime)
            .build()
            .unwrap_err();
        assert_eq!(
            error,
            BuildError::Lifetime {
                max_seconds: 86_400
            }
        );
    }
    assert_eq!(
        TokenIssuer::builder("i", "a", key())
            .lifetime(day)
            .build()
            .unwrap()
            .lifetime(),
        day
    );
    assert_eq!(
        TokenIssuer::builder("i", "a", key())
            .token_type("")
            .build()
            .unwrap_err(),
        BuildError::Type
    );
    assert_eq!(
        TokenIssuer::builder("i", "a", key().with_kid(""))
            .build()
            .unwrap_err(),
        BuildError::Kid
    );

    let verifier = || TokenVerifier::builder("i", "a", key().verifying_key());
    assert!(matches!(
        verifier().leeway(Duration::MAX).build().unwrap_err(),
        BuildError::Leeway { max_seconds: 300 }
    ));
    let longest = TokenVerifier::MAX_LIFETIME;
    for lifetime in [
        Duration::ZERO,
        longest + Duration::from_nanos(1),
        Duration::MAX,
    ] {
        assert_eq!(
            verifier().max_lifetime(lifetime).build().unwrap_err(),
            BuildError::Lifetime {
                max_seconds: 316_224_000
            }
        );
    }
    assert_eq!(
        verifier().max_bytes(0).build().unwrap_err(),
        BuildError::MaxBytes
    );
    assert_eq!(
        verifier().token_type("at jwt").build().unwrap_err(),
        BuildError::Type
    );
    assert!(
        verifier()
            .max_lifetime(longest)
            .leeway(Duration::from_secs(300))
            .build()
            .is_ok()
    );
}

#[test]
fn extreme_times_neither_panic_nor_wrap() {
    let key = SigningKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    for now in [Duration::ZERO, Duration::from_secs(u64::MAX >> 2)] {
        let clock = Stopped(now);
        let issuer = TokenIssuer::builder("i", "a", key.clone())
            .clock(clock)
            .build()
            .unwrap();
        let verifier = TokenVerifier::builder("i", "a", key.verifying_key())
            .max_lifetime(TokenVerifier::MAX_LIFETIME)
            .clock(clock)
            .build()
            .unwrap();
        let token = issuer.issue(&someone()).unwrap();
        let claims = verifier.verify(token.expose()).unwrap();
        assert_eq!(claims.issued_at(), UNIX_EPOCH + now);
    }
    #[derive(Debug)]
    struct BeforeTime;
    impl portcullis::clock::Clock for BeforeTime {
        fn now(&self) -> std::time::SystemTime {
            UNIX_EPOCH - Duration::from_secs(1)
        }
    }
    assert!(
        TokenIssuer::builder("i", "a", key.clone())
            .clock(BeforeTime)
            .build()
            .unwrap()
            .issue(&someone())
            .is_err()
    );
    let token = issuer().issue(&someone()).unwrap();
    let verifier = TokenVerifier::builder("https://issuer.example/\"", "api", key.verifying_key())
        .clock(BeforeTime)
        .build()
        .unwrap();
    assert!(verifier.verify(token.expose()).is_err());
}

#[test]
fn one_kind_of_token_does_not_pass_as_another() {
    let key = SigningKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    let types = ["at+jwt", "JWT", "reset+jwt"];
    for issued in types {
        let token = TokenIssuer::builder("i", "a", key.clone())
            .token_type(issued)
            .build()
            .unwrap()
            .issue(&someone())
            .unwrap();
        for expected in types {
            let verifier = TokenVerifier::builder("i", "a", key.verifying_key())
                .token_type(expected)
                .build()
                .unwrap();
            assert_eq!(
                verifier.verify(token.expose()).is_ok(),
                issued == expected,
                "{issued} as {expected}"
            );
        }
    }
}
