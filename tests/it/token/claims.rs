//! The rules of the registered claims, one row a case.

use super::forge::{HEADER, NOW, accepts, payload, payload_with, refuses, token, verifier_at};
use portcullis::TokenVerifier;
use portcullis::token::{Algorithm, TokenError, VerifyingKey};
use std::time::Duration;

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
fn iat_and_nbf_in_the_future_are_refused() {
    refuses(
        &with("iat", &(NOW + 1).to_string()),
        TokenError::IssuedInFuture,
    );
    refuses(
        &with("iat", &format!("{NOW}.001")),
        TokenError::IssuedInFuture,
    );
    refuses(
        &with("iat", &u64::MAX.to_string()),
        TokenError::IssuedInFuture,
    );
    refuses(
        &with("nbf", &(NOW + 1).to_string()),
        TokenError::NotYetValid,
    );
    refuses(&with("nbf", &format!("{NOW}.001")), TokenError::NotYetValid);
    refuses(&with("nbf", &u64::MAX.to_string()), TokenError::NotYetValid);
}

#[test]
fn leeway_forgives_exactly_as_much_as_was_set() {
    let key = VerifyingKey::from_secret(Algorithm::Hs256, super::forge::SECRET).unwrap();
    let at = |now: u64| {
        TokenVerifier::builder("https://issuer.example", "api", key.clone())
            .leeway(Duration::from_secs(5))
            .clock(super::forge::Stopped(Duration::from_secs(now)))
            .build()
            .unwrap()
    };
    let token = token(HEADER, payload(&format!(r#","nbf":{NOW}"#)));
    for (now, verdict) in [
        (NOW + 104, Ok(())),
        (NOW + 105, Err(TokenError::Expired)),
        (NOW - 5, Ok(())),
        (NOW - 6, Err(TokenError::NotYetValid)),
    ] {
        assert_eq!(at(now).verify(&token).map(|_| ()), verdict, "{now}");
    }
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
fn token_id_and_epoch_are_optional_and_typed() {
    accepts(&without("jti"));
    for jti in ["1", "null", "[]", "{}", "true"] {
        refuses(&with("jti", jti), TokenError::Claim("jti"));
    }
    for epoch in ["null", "-1", "\"1\"", "1.5", "[]", "true"] {
        refuses(&with("epoch", epoch), TokenError::Claim("epoch"));
    }
    let claims = verifier_at(Duration::from_secs(NOW))
        .verify(&with("epoch", "7"))
        .unwrap();
    assert_eq!(claims.epoch(), 7);
    assert_eq!(claims.token_id(), None);
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
