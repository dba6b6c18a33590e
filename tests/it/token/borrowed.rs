//! Claims that are read in place say what owned ones say, and are refused for the same reasons.

use super::forge::{HEADER, payload, token, verifier};
use portcullis::token::{Scratch, TokenError};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Debug, Deserialize)]
struct Own<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
}

#[test]
fn borrowed_claims_say_what_owned_ones_say() {
    let verifier = verifier();
    let mut scratch = Scratch::new();
    for more in ["", r#","role":"admin""#, r#","role":"\u0061\"","epoch":7"#] {
        let token = token(HEADER, payload(more));
        let claims = verifier
            .verify_borrowed::<Own<'_>>(&token, &mut scratch)
            .unwrap();
        let same = verifier.verify(&token).unwrap();
        assert_eq!(claims.subject(), same.subject().as_str());
        assert_eq!(claims.token_id(), same.token_id());
        assert_eq!(claims.issued_at(), same.issued_at());
        assert_eq!(claims.expires_at(), same.expires_at());
        assert_eq!(claims.epoch(), same.epoch());
        let kept = claims.into_claims();
        assert_eq!(kept.subject(), same.subject());
        assert_eq!(kept.token_id(), same.token_id());
    }
}

#[test]
fn one_scratch_serves_tokens_of_any_size_one_after_the_other() {
    let verifier = verifier();
    let mut scratch = Scratch::new();
    for len in [0, 5000, 1, 3000, 10] {
        let role = "x".repeat(len);
        let token = token(HEADER, payload(&format!(r#","role":"{role}""#)));
        let claims = verifier
            .verify_borrowed::<Own<'_>>(&token, &mut scratch)
            .unwrap();
        assert_eq!(claims.extra().role.as_deref(), Some(&*role));
    }
}

#[test]
fn a_refused_token_leaves_nothing_of_the_one_before() {
    let verifier = verifier();
    let mut scratch = Scratch::new();
    let good = token(HEADER, payload(r#","role":"admin""#));
    verifier
        .verify_borrowed::<Own<'_>>(&good, &mut scratch)
        .unwrap();
    for (bad, error) in [
        (token(HEADER, "{}"), TokenError::MissingClaim("exp")),
        (token(HEADER, ""), TokenError::Payload),
        (
            token(HEADER, payload(r#","role":1"#)),
            TokenError::OwnClaims,
        ),
        (good.replace('.', ""), TokenError::Shape),
        (
            format!("{}A", &good[..good.len() - 1]),
            TokenError::Signature,
        ),
    ] {
        let refused = verifier.verify_borrowed::<Own<'_>>(&bad, &mut scratch);
        assert_eq!(refused.unwrap_err(), error, "{bad}");
    }
}

#[test]
fn text_with_escapes_does_not_fit_a_str_and_fits_a_cow() {
    #[derive(Debug, Deserialize)]
    struct Strict<'a> {
        #[expect(dead_code, reason = "only its reading matters")]
        role: &'a str,
    }
    let (verifier, mut scratch) = (verifier(), Scratch::new());
    for (more, fits) in [(r#","role":"a""#, true), (r#","role":"\u0061""#, false)] {
        let token = token(HEADER, payload(more));
        let claims = verifier.verify_borrowed::<Strict<'_>>(&token, &mut scratch);
        assert_eq!(claims.is_ok(), fits, "{more}");
        let claims = verifier.verify_borrowed::<Own<'_>>(&token, &mut scratch);
        assert_eq!(claims.unwrap().extra().role.as_deref(), Some("a"));
    }
}
