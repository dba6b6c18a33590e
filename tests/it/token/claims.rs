//! The rules of the registered claims, one row a case.

use super::forge::{
    HEADER, NOW, Stopped, accepts, payload, payload_with, refuses, token, verifier_at,
};
use portcullis::token::{Algorithm, SigningKey, TokenError, VerifyingKey};
use portcullis::{TokenIssuer, TokenVerifier, UserId};
use std::time::{Duration, UNIX_EPOCH};

fn with(name: &str, value: &str) -> String {
    token(HEADER, payload_with(name, Some(value)))
}

fn without(name: &str) -> String {
    token(HEADER, payload_with(name, None))
}

#[test]
fn a_token_expires_at_exp_not_after() {
    let token = token(HEADER, payload(""));
    let at = |secs: u64, nanos: u32| {
        verifier_at(Duration::new(secs, nanos))
            .verify(&token)
            .map(|_| ())
    };
    assert_eq!(at(NOW + 99, 999_999_999), Ok(()));
    assert_eq!(at(NOW + 100, 0), Err(TokenError::Expired));
    assert_eq!(at(NOW + 100, 1), Err(TokenError::Expired));
    assert_eq!(at(NOW + 1_000_000, 0), Err(TokenError::Expired));
}

#[test]
fn a_fraction_of_exp_is_never_rounded_up() {
    let token = with("exp", &format!("{NOW}.25"));
    let at = |nanos: u32| {
        verifier_at(Duration::new(NOW, nanos))
            .verify(&token)
            .map(|_| ())
    };
    assert_eq!(at(249_000_000), Ok(()));
    assert_eq!(at(251_000_000), Err(TokenError::Expired));
}

#[test]
fn numbers_of_every_benign_spelling_are_times() {
    for exp in [
        format!("{}", NOW + 5),
        format!("{}.0", NOW + 5),
        format!("{}.5", NOW + 5),
        "1.80000001e9".into(),
        "18000001E2".into(),
    ] {
        accepts(&with("exp", &exp));
    }
    accepts(&with("iat", &format!("{}.75", NOW - 1)));
    accepts(&with("iat", &NOW.to_string()));
    accepts(&with("nbf", &NOW.to_string()));
    accepts(&with("nbf", "0"));
}

#[test]
fn a_time_of_the_wrong_type_is_wrong_and_never_absent() {
    for claim in ["exp", "nbf", "iat"] {
        for value in [
            "null",
            "true",
            "false",
            "\"1800000050\"",
            "\"soon\"",
            "\"\"",
            "[]",
            "[1800000050]",
            "{}",
            "{\"$serde_json::private::Number\":\"1\"}",
            "-1",
            "-0.5",
            "-1e400",
            "9007199254740993.0",
            "1e19",
            "1e300",
        ] {
            refuses(&with(claim, value), TokenError::Claim(claim));
        }
        // Not JSON at all, or beyond any number: the reader stops inside the claim.
        for value in [
            "NaN",
            "Infinity",
            "1e400",
            "01800000050",
            "0x6B49D200",
            "1_800_000_050",
            "+1800000050",
            "1800000050.",
            ".5",
            "99999999999999999999999",
        ] {
            let verdict = verifier_at(Duration::from_secs(NOW))
                .verify(&with(claim, value))
                .unwrap_err();
            assert!(
                matches!(verdict, TokenError::Claim(_) | TokenError::Payload),
                "{claim} {value}: {verdict:?}"
            );
        }
    }
}

#[test]
fn exp_and_iat_are_required_and_bound_the_lifetime() {
    refuses(&without("exp"), TokenError::MissingClaim("exp"));
    refuses(&without("iat"), TokenError::MissingClaim("iat"));
    let day = 24 * 60 * 60;
    accepts(&with("exp", &(NOW - 10 + day).to_string()));
    refuses(
        &with("exp", &(NOW - 10 + day + 1).to_string()),
        TokenError::Lifetime,
    );
    // Milliseconds for seconds, the year 5138, the largest number there is.
    for exp in [
        (NOW * 1000).to_string(),
        "99999999999".into(),
        u64::MAX.to_string(),
    ] {
        refuses(&with("exp", &exp), TokenError::Lifetime);
    }
    refuses(&with("iat", "0"), TokenError::Lifetime);
    refuses(&with("exp", "0"), TokenError::Expired);
}

#[test]
fn iat_and_nbf_may_be_5_seconds_ahead_and_no_more() {
    for (claim, refusal) in [
        ("iat", TokenError::IssuedInFuture),
        ("nbf", TokenError::NotYetValid),
    ] {
        accepts(&with(claim, &format!("{NOW}.001")));
        accepts(&with(claim, &(NOW + 5).to_string()));
        refuses(&with(claim, &format!("{}.001", NOW + 5)), refusal);
        refuses(&with(claim, &(NOW + 6).to_string()), refusal);
        refuses(&with(claim, &u64::MAX.to_string()), refusal);
    }
}

#[test]
fn a_leeway_that_is_set_counts_for_all_three_times_instead_of_the_default() {
    let key = VerifyingKey::from_secret(Algorithm::Hs256, super::forge::SECRET).unwrap();
    let at = |leeway: u64, now: u64| {
        TokenVerifier::builder("https://issuer.example", "api", key.clone())
            .leeway(Duration::from_secs(leeway))
            .clock(Stopped(Duration::from_secs(now)))
            .build()
            .unwrap()
    };
    let nbf = token(HEADER, payload(&format!(r#","nbf":{NOW}"#)));
    let iat = with("iat", &NOW.to_string());
    for leeway in [0, 1, 5, 60] {
        let verdict = |token, now| at(leeway, now).verify(token).map(drop);
        for token in [&nbf, &iat] {
            assert_eq!(verdict(token, NOW + 99 + leeway), Ok(()));
            let refused = verdict(token, NOW + 100 + leeway);
            assert_eq!(refused, Err(TokenError::Expired));
            assert_eq!(verdict(token, NOW - leeway), Ok(()));
        }
        let early = NOW - leeway - 1;
        assert_eq!(verdict(&nbf, early), Err(TokenError::NotYetValid));
        assert_eq!(verdict(&iat, early), Err(TokenError::IssuedInFuture));
    }
}

#[test]
fn a_token_of_a_clock_slightly_ahead_can_be_used_at_once() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let now = Duration::new(NOW, 999_000_000);
    let ahead = Stopped(now + Duration::from_millis(50));
    let issuer = TokenIssuer::builder("iss", "aud", key.clone()).clock(ahead);
    let token = issuer.build().unwrap().issue(&UserId::new("x").unwrap());
    let verifier = TokenVerifier::builder("iss", "aud", key.verifying_key());
    let verifier = verifier.clock(Stopped(now)).build().unwrap();
    assert_eq!(verifier.verify(token.unwrap().expose()).map(drop), Ok(()));
}

#[test]
fn an_expiry_that_no_time_of_the_system_can_hold_is_refused() {
    // The last times there are: `SystemTime` counts seconds in 63 bits.
    let last = i64::MAX.unsigned_abs();
    let token = |exp: u64| token(HEADER, with_times(last - 20, exp));
    let verify = |exp| verifier_at(Duration::from_secs(last - 10)).verify(&token(exp));
    let claims = verify(last).unwrap();
    assert_eq!(claims.expires_at(), UNIX_EPOCH + Duration::from_secs(last));
    for exp in [last + 1, last + 10_000] {
        assert_eq!(verify(exp).map(drop), Err(TokenError::Lifetime));
    }
}

fn with_times(iat: u64, exp: u64) -> String {
    format!(
        r#"{{"iss":"https://issuer.example","aud":"api","sub":"someone","jti":"j","iat":{iat},"exp":{exp}}}"#
    )
}

#[test]
fn the_audience_is_ours_exactly_or_a_list_of_strings_with_ours() {
    for aud in [
        r#""api""#,
        r#"["api"]"#,
        r#"["other","api"]"#,
        r#"["api","api"]"#,
        r#""\u0061pi""#,
    ] {
        accepts(&with("aud", aud));
    }
    for aud in [
        r#""other""#,
        r#""API""#,
        r#""api ""#,
        r#"" api""#,
        r#""api/""#,
        r#""ap""#,
        r#""apis""#,
        r#""api,other""#,
        r#""other api""#,
        r#""""#,
        r#""аpi""#,
        r#""api\u0000""#,
        "[]",
        r#"["other"]"#,
        r#"["API"]"#,
        r#"["ap","i"]"#,
        r#"[""]"#,
        r#""*""#,
    ] {
        refuses(&with("aud", aud), TokenError::Audience);
    }
    for aud in [
        "null",
        "42",
        "true",
        "{}",
        r#"{"api":true}"#,
        r#"["api",1]"#,
        r#"[1,"api"]"#,
        r#"["api",null]"#,
        r#"[["api"]]"#,
        r#"["api",{}]"#,
    ] {
        refuses(&with("aud", aud), TokenError::Claim("aud"));
    }
    refuses(&without("aud"), TokenError::MissingClaim("aud"));
}

#[test]
fn the_issuer_is_one_string_exactly() {
    for iss in [
        r#""https://issuer.example/""#,
        r#""https://issuer.exampl""#,
        r#""https://issuer.example.evil""#,
        r#""HTTPS://ISSUER.EXAMPLE""#,
        r#""issuer.example""#,
        r#""https""#,
        r#""""#,
        r#"" https://issuer.example""#,
        r#""http://issuer.example""#,
    ] {
        refuses(&with("iss", iss), TokenError::Issuer);
    }
    for iss in [
        r#"["https://issuer.example"]"#,
        "null",
        "1",
        "{}",
        "true",
        r#"{"https://issuer.example":1}"#,
    ] {
        refuses(&with("iss", iss), TokenError::Claim("iss"));
    }
    refuses(&without("iss"), TokenError::MissingClaim("iss"));
}

#[test]
fn the_subject_is_a_name_of_1_to_255_characters_without_controls() {
    let named = |text: &str| {
        verifier_at(Duration::from_secs(NOW))
            .verify(&with("sub", text))
            .map(|c| c.subject().to_string())
    };
    assert_eq!(named(r#""x""#), Ok("x".into()));
    assert_eq!(
        named(&format!("\"{}\"", "ü".repeat(255))),
        Ok("ü".repeat(255))
    );
    for sub in [
        r#""""#.to_owned(),
        format!("\"{}\"", "x".repeat(256)),
        format!("\"{}\"", "x".repeat(5000)),
        r#""a\u0000b""#.into(),
        r#""a\nb""#.into(),
        r#""\u0085""#.into(),
    ] {
        refuses(&with("sub", &sub), TokenError::Claim("sub"));
    }
    for sub in [
        "null",
        "1",
        "true",
        "[]",
        r#"["someone"]"#,
        r#"{"sub":"someone"}"#,
    ] {
        refuses(&with("sub", sub), TokenError::Claim("sub"));
    }
    refuses(&without("sub"), TokenError::MissingClaim("sub"));
}

#[test]
fn an_access_token_has_an_id_of_1_to_255_visible_characters() {
    refuses(&without("jti"), TokenError::MissingClaim("jti"));
    for jti in ["1", "null", "[]", "{}", "true"] {
        refuses(&with("jti", jti), TokenError::Claim("jti"));
    }
    for jti in ["x", "a b", "\u{e4}\u{1f600}", "\\u00e4"] {
        accepts(&with("jti", &format!("\"{jti}\"")));
    }
    for length in [255, 256, 5_000] {
        for character in ["x", "\u{e4}"] {
            let token = with("jti", &format!("\"{}\"", character.repeat(length)));
            if length == 255 {
                accepts(&token);
            } else if character == "x" || length < 5_000 {
                refuses(&token, TokenError::Claim("jti"));
            }
        }
    }
    for jti in [
        "",
        " ",
        "   ",
        " a",
        "a ",
        "\\u0000",
        "a\\nb",
        "\u{7f}",
        "a\u{85}b",
        "a\u{200b}b",
        "\u{202e}a",
        "a\u{2028}b",
        "a\u{2029}b",
        "\u{feff}a",
        "a\u{2800}b",
        "a\u{a0}",
        "\u{3000}a",
        "a\u{e0020}b",
    ] {
        refuses(
            &with("jti", &format!("\"{jti}\"")),
            TokenError::Claim("jti"),
        );
    }
}

#[test]
fn tokens_of_another_type_may_lack_an_id_but_not_have_a_bad_one() {
    let verify = |token_type: &str, jti: Option<&str>| {
        let key = VerifyingKey::from_secret(Algorithm::Hs256, super::forge::SECRET).unwrap();
        let verifier = TokenVerifier::builder("https://issuer.example", "api", key)
            .clock(Stopped(Duration::from_secs(NOW)))
            .token_type(token_type);
        let header = format!(r#"{{"alg":"HS256","typ":"{token_type}"}}"#);
        let token = token(header, payload_with("jti", jti));
        let claims = verifier.build().unwrap().verify(&token)?;
        Ok(claims.token_id().map(str::to_owned))
    };
    assert_eq!(verify("JWT", None), Ok(None));
    assert_eq!(verify("JWT", Some(r#""x""#)), Ok(Some("x".into())));
    for jti in [r#""""#, r#"" ""#, r#""\u0000""#, "\"\u{200b}\""] {
        assert_eq!(verify("JWT", Some(jti)), Err(TokenError::Claim("jti")));
    }
    // Letter case does not count in media types.
    for access in ["at+jwt", "AT+JWT"] {
        assert_eq!(verify(access, None), Err(TokenError::MissingClaim("jti")));
    }
}

#[test]
fn the_epoch_is_optional_and_typed() {
    for epoch in ["null", "-1", "\"1\"", "1.5", "[]", "true"] {
        refuses(&with("epoch", epoch), TokenError::Claim("epoch"));
    }
    let verify = |token: &str| verifier_at(Duration::from_secs(NOW)).verify(token);
    assert_eq!(verify(&with("epoch", "7")).unwrap().epoch(), 7);
    assert_eq!(verify(&without("epoch")).unwrap().epoch(), 0);
}

#[test]
fn the_order_of_members_does_not_matter() {
    let shuffled = format!(
        r#"{{"x":1,"jti":"j","exp":{},"sub":"someone","iat":{},"aud":"api","iss":"https://issuer.example"}}"#,
        NOW + 5,
        NOW
    );
    accepts(&token(HEADER, shuffled));
}
