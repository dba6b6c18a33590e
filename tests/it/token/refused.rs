//! What an observer hears of refused tokens: each once, with the reason, and no more of it than was proven.

use super::forge::{HEADER, NOW, SECRET, Stopped, encode, payload, payload_with, sign, token};
use portcullis::TokenVerifier;
use portcullis::event::{Event, Observer};
use portcullis::token::{
    Algorithm, Presented, RefusedToken, Revocations, Scratch, TokenError, TokenObserver,
    VerifyingKey,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Code, key id, subject, token id.
type Report = (&'static str, Option<String>, Option<String>, Option<String>);

#[derive(Clone, Debug, Default)]
struct Reports(Arc<Mutex<Vec<Report>>>);

impl Observer for Reports {
    fn observe(&self, event: Event<'_>) {
        let Event::TokenRefused { token } = event else {
            return;
        };
        let text = |text: Option<&str>| text.map(str::to_owned);
        let report = (
            token.error().code(),
            text(token.key_id()),
            text(token.subject()),
            text(token.token_id()),
        );
        self.0.lock().unwrap().push(report);
    }
}

impl Reports {
    fn take(&self) -> Vec<Report> {
        core::mem::take(&mut self.0.lock().unwrap())
    }
}

#[derive(Debug)]
struct Everything;

impl Revocations for Everything {
    fn is_revoked(&self, token: &Presented<'_>) -> bool {
        token.token_id() == Some("revoked")
    }
}

fn observed(cache: bool) -> (TokenVerifier, Reports) {
    let reports = Reports::default();
    let key = VerifyingKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    let mut builder = TokenVerifier::builder("https://issuer.example", "api", key)
        .clock(Stopped(Duration::from_secs(NOW)))
        .revocations(Everything)
        .observer(reports.clone());
    if cache {
        builder = builder.cache(64 * 1024);
    }
    (builder.build().unwrap(), reports)
}

#[derive(serde::Deserialize)]
struct Staff {
    #[serde(rename = "role")]
    _role: String,
}

#[test]
fn each_refused_token_is_reported_once_by_every_way_to_verify_it() {
    let revoked = token(HEADER, payload("").replace(r#""j""#, r#""revoked""#));
    let unsigned = format!(
        "{}.{}.{}",
        encode(HEADER),
        encode(payload("")),
        encode([0; 32])
    );
    let expired = token(HEADER, payload_with("exp", Some("1")));
    let cases = [
        ("x".to_owned(), ("not_compact_jws", None, None, None)),
        ("x".repeat(9000), ("too_long", None, None, None)),
        (unsigned, ("invalid_signature", None, None, None)),
        (expired, ("expired", None, Some("someone"), Some("j"))),
        (revoked, ("revoked", None, Some("someone"), Some("revoked"))),
    ];
    for cache in [false, true] {
        let (verifier, reports) = observed(cache);
        for (text, (code, key_id, subject, token_id)) in &cases {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let report = (*code, owned(*key_id), owned(*subject), owned(*token_id));
            let mut scratch = Scratch::new();
            let errors = [
                verifier.verify(text).err(),
                verifier.verify_shared::<()>(text).err(),
                verifier.verify_borrowed::<()>(text, &mut scratch).err(),
            ];
            for error in errors {
                assert_eq!(error.map(|error| error.code()), Some(*code));
            }
            assert_eq!(reports.take(), vec![report; 3], "{code}");
        }
    }
}

#[test]
fn a_good_token_is_not_reported_and_one_that_is_revoked_later_is_also_from_the_cache() {
    for cache in [false, true] {
        let (verifier, reports) = observed(cache);
        let good = token(HEADER, payload(""));
        verifier.verify(&good).unwrap();
        verifier.verify_shared::<()>(&good).unwrap();
        verifier.verify_shared::<()>(&good).unwrap();
        assert_eq!(reports.take(), []);
        assert_eq!(
            verifier.verify_with::<Staff>(&good).err(),
            Some(TokenError::OwnClaims)
        );
        let (subject, token_id) = (Some("someone".to_owned()), Some("j".to_owned()));
        assert_eq!(
            reports.take(),
            [("invalid_private_claims", None, subject, token_id)]
        );
    }
}

#[test]
fn the_key_id_is_reported_whether_or_not_there_is_such_a_key() {
    let (verifier, reports) = observed(false);
    let header = |kid: &str| format!(r#"{{"kid":{kid},"alg":"HS256","typ":"at+jwt"}}"#);
    let long = format!("\"{}\"", "k".repeat(300));
    for (kid, reported) in [
        (r#""2026-11""#, Some("2026-11")),
        (r#""a\u0062c""#, Some("abc")),
        (r#""line\nbreak""#, None),
        (r#""""#, None),
        ("7", None),
        (&*long, None),
    ] {
        assert!(verifier.verify(&token(header(kid), payload(""))).is_err());
        let found: Vec<_> = reports.take().into_iter().map(|report| report.1).collect();
        assert_eq!(found, [reported.map(str::to_owned)], "{kid}");
    }
    let refused = r#"{"kid":"k","alg":"HS256","typ":"at+jwt","crit":["x"]}"#;
    assert!(verifier.verify(&token(refused, payload(""))).is_err());
    let report = (
        "unsupported_header_parameter",
        Some("k".to_owned()),
        None,
        None,
    );
    assert_eq!(reports.take(), [report]);
}

#[test]
fn nothing_of_a_payload_is_reported_unless_its_signature_held() {
    let (verifier, reports) = observed(false);
    let input = format!(
        "{}.{}",
        encode(HEADER),
        encode(payload_with("exp", Some("1")))
    );
    let by_a_stranger = sign(&input, b"another secret of more than 32 bytes in length");
    assert!(verifier.verify(&by_a_stranger).is_err());
    assert_eq!(reports.take(), [("invalid_signature", None, None, None)]);
}

#[test]
fn what_of_a_signed_payload_cannot_be_read_is_left_out() {
    let (verifier, reports) = observed(false);
    for (payload, code, subject) in [
        ("{", "malformed_payload", None),
        (r#"{"sub":7}"#, "invalid_claim", None),
        (r#"{"sub":"a\u0000b"}"#, "missing_claim", None),
        (r#"{"sub":"anna","x":}"#, "malformed_payload", Some("anna")),
        (r#"{"sub":"anna"}"#, "missing_claim", Some("anna")),
    ] {
        assert!(verifier.verify(&token(HEADER, payload)).is_err());
        let report = (code, None, subject.map(str::to_owned), None);
        assert_eq!(reports.take(), [report], "{payload}");
    }
}

/// Counts, without being an `Observer`.
#[derive(Debug)]
struct Counter(Arc<Mutex<usize>>);

impl TokenObserver for Counter {
    fn token_refused(&self, token: &RefusedToken<'_>) {
        assert_eq!(token.error(), TokenError::Shape);
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn an_application_may_listen_to_tokens_alone() {
    let count = Arc::new(Mutex::new(0));
    let key = VerifyingKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", key)
        .observer(Counter(Arc::clone(&count)))
        .build()
        .unwrap();
    assert!(verifier.verify("x").is_err());
    assert_eq!(*count.lock().unwrap(), 1);
}

#[test]
fn each_reason_has_a_code_of_its_own_that_stays() {
    let codes = [
        (TokenError::TooLong, "too_long"),
        (TokenError::Shape, "not_compact_jws"),
        (TokenError::Header, "malformed_header"),
        (TokenError::HeaderParameter, "unsupported_header_parameter"),
        (TokenError::Algorithm, "algorithm_mismatch"),
        (TokenError::Type, "unexpected_typ"),
        (TokenError::UnknownKey, "unknown_key"),
        (TokenError::Signature, "invalid_signature"),
        (TokenError::Payload, "malformed_payload"),
        (TokenError::Claim("sub"), "invalid_claim"),
        (TokenError::MissingClaim("exp"), "missing_claim"),
        (TokenError::Expired, "expired"),
        (TokenError::NotYetValid, "not_yet_valid"),
        (TokenError::IssuedInFuture, "issued_in_future"),
        (TokenError::Lifetime, "lifetime_out_of_bounds"),
        (TokenError::Issuer, "issuer_mismatch"),
        (TokenError::Audience, "audience_mismatch"),
        (TokenError::Revoked, "revoked"),
        (TokenError::OwnClaims, "invalid_private_claims"),
    ];
    for (error, code) in codes {
        assert_eq!(error.code(), code);
        assert_eq!(codes.iter().filter(|(_, other)| *other == code).count(), 1);
    }
    assert_eq!(
        TokenError::Claim("sub").to_string(),
        "the token's claim sub is malformed"
    );
}
