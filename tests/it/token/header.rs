//! Headers that ask for something else than what the key says: `alg`, `typ`, `crit`, embedded keys, `zip`, JWE.

use super::forge::{HEADER, SECRET, accepts, encode, payload, refuses, sign, token, verifier};
use portcullis::token::TokenError;

fn with(header: &str) -> String {
    token(header, payload(""))
}

#[test]
fn the_header_of_our_issuer_and_its_other_spellings_are_accepted() {
    for header in [
        HEADER,
        r#"{"typ":"at+jwt","alg":"HS256"}"#,
        r#" { "alg" : "HS256" , "typ" : "at+jwt" } "#,
        r#"{"alg":"HS256","typ":"AT+JWT"}"#,
        r#"{"alg":"HS256","typ":"application/at+jwt"}"#,
        r#"{"alg":"HS256","typ":"Application/At+Jwt"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","nonce":"unknown parameters are ignored","n":[1,{"a":null}]}"#,
        r#"{"alg":"HS\u0032\u0035\u0036","typ":"at+jwt"}"#,
    ] {
        accepts(&with(header));
    }
}

#[test]
fn no_algorithm_but_the_keys_own_is_accepted() {
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " ",
        "HS256 ",
        " HS256",
        "hs256",
        "Hs256",
        "HS-256",
        "HS384",
        "HS512",
        "RS256",
        "PS256",
        "ES256",
        "EdDSA",
        "HS256\\u0000",
        "ed25519",
        "A256KW",
        "dir",
    ] {
        refuses(
            &with(&format!(r#"{{"alg":"{alg}","typ":"at+jwt"}}"#)),
            TokenError::Algorithm,
        );
    }
    refuses(&with(r#"{"typ":"at+jwt"}"#), TokenError::Algorithm);
}

#[test]
fn an_algorithm_that_is_no_string_is_no_header() {
    for alg in [
        "null",
        "0",
        "true",
        "[\"HS256\"]",
        "{\"HS256\":1}",
        "[]",
        "{}",
    ] {
        refuses(
            &with(&format!(r#"{{"alg":{alg},"typ":"at+jwt"}}"#)),
            TokenError::Header,
        );
    }
}

#[test]
fn an_unsigned_token_is_refused_however_it_is_spelled() {
    for alg in ["none", "None", "NONE", "nonE", ""] {
        let input = format!(
            "{}.{}",
            encode(format!(r#"{{"alg":"{alg}","typ":"at+jwt"}}"#)),
            encode(payload(""))
        );
        refuses(&format!("{input}."), TokenError::Algorithm);
        refuses(&input, TokenError::Shape);
        refuses(&sign(&input, b""), TokenError::Algorithm);
    }
}

#[test]
fn another_type_of_token_is_refused() {
    for typ in [
        "JWT",
        "jwt",
        "rt+jwt",
        "logout+jwt",
        "dpop+jwt",
        "id_token",
        "at+jwt ",
        "at+jwtx",
        "xat+jwt",
        "at jwt",
        "text/at+jwt",
        "application/",
        "application/application/at+jwt",
        "",
        "at+jwt\\u0000",
        "JOSE",
        "secevent+jwt",
    ] {
        refuses(
            &with(&format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#)),
            TokenError::Type,
        );
    }
    refuses(&with(r#"{"alg":"HS256"}"#), TokenError::Type);
    for typ in ["null", "1", "[\"at+jwt\"]", "{}"] {
        refuses(
            &with(&format!(r#"{{"alg":"HS256","typ":{typ}}}"#)),
            TokenError::Header,
        );
    }
}

#[test]
fn parameters_that_change_what_is_verified_are_refused_with_any_value() {
    let values = [
        "null",
        "true",
        "false",
        "\"x\"",
        "\"\"",
        "[]",
        "[\"exp\"]",
        "[\"b64\"]",
        "[\"zzz\",\"zzz\"]",
        "{}",
        "0",
    ];
    for name in [
        "crit", "b64", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc", "cty",
    ] {
        for value in values {
            refuses(
                &with(&format!(
                    r#"{{"alg":"HS256","typ":"at+jwt","{name}":{value}}}"#
                )),
                TokenError::HeaderParameter,
            );
            refuses(
                &with(&format!(
                    r#"{{"{name}":{value},"alg":"HS256","typ":"at+jwt"}}"#
                )),
                TokenError::HeaderParameter,
            );
        }
    }
    // The same name in an escaped spelling is the same name.
    refuses(
        &with(r#"{"alg":"HS256","typ":"at+jwt","\u0063rit":["exp"]}"#),
        TokenError::HeaderParameter,
    );
}

#[test]
fn an_unencoded_payload_is_refused_even_if_it_is_signed_as_such() {
    let header = encode(r#"{"alg":"HS256","typ":"at+jwt","b64":false,"crit":["b64"]}"#);
    refuses(
        &sign(
            &format!("{header}.{}", payload("").replace('.', "")),
            SECRET,
        ),
        TokenError::HeaderParameter,
    );
}

#[test]
fn encrypted_tokens_have_another_shape() {
    let jwe = format!(
        "{}.a.b.c.d",
        encode(r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AA"}"#)
    );
    refuses(&jwe, TokenError::Shape);
    refuses(
        &with(r#"{"alg":"PBES2-HS256+A128KW","typ":"at+jwt","p2c":2147483647}"#),
        TokenError::Algorithm,
    );
}

#[test]
fn a_key_name_is_only_ever_compared() {
    for kid in [
        "../../../../dev/null",
        "/proc/self/environ",
        "x' UNION SELECT 'k' --",
        "$(touch x)",
        "|id",
        "a\\u0000b",
        "https://evil.example/key",
        "file:///etc/passwd",
        "",
        "k2",
        "K1",
        "k1 ",
    ] {
        refuses(
            &with(&format!(
                r#"{{"alg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#
            )),
            TokenError::UnknownKey,
        );
    }
    refuses(
        &with(&format!(
            r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#,
            "k".repeat(1000)
        )),
        TokenError::UnknownKey,
    );
    refuses(
        &with(&format!(
            r#"{{"alg":"HS256","typ":"at+jwt","kid":"{}"}}"#,
            "k".repeat(4000)
        )),
        TokenError::Header,
    );
    for kid in ["null", "1", "[\"k1\"]", "{}"] {
        refuses(
            &with(&format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":{kid}}}"#)),
            TokenError::Header,
        );
    }
}

#[test]
fn a_malformed_header_is_refused_before_any_signature_is_computed() {
    for header in [
        "",
        "{",
        "{}{}",
        "[]",
        "null",
        "\"HS256\"",
        "1",
        "{\"alg\"}",
        "{alg:\"HS256\"}",
        "{'alg':'HS256'}",
        "\u{feff}{}",
        r#"{"alg":"HS256","typ":"at+jwt",}"#,
        r#"{"alg":"HS256","typ":"at+jwt"} x"#,
        r#"[{"alg":"HS256","typ":"at+jwt"}]"#,
        r#"{"alg":"HS256","alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"none","alg":"HS256","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","a\u006cg":"none"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","x":1,"x":1}"#,
        r#"{"alg":"HS256","typ":"at+jwt","x":{"y":1,"y":2}}"#,
        r#"{"alg":"HS256","typ":"at+jwt","x":"\ud800"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","x":NaN}"#,
        r#"{"alg":"HS256","typ":"at+jwt","x":1e999}"#,
    ] {
        refuses(&with(header), TokenError::Header);
    }
    let deep = format!(
        r#"{{"alg":"HS256","typ":"at+jwt","x":{}{}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    refuses(&with(&deep), TokenError::Header);
    refuses(&token(b"\xff\xfe{}", payload("")), TokenError::Header);
    refuses(
        &token(
            b"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"x\":\"\xff\"}",
            payload(""),
        ),
        TokenError::Header,
    );
}

#[test]
fn a_header_has_at_most_32_names_at_whatever_depth() {
    let flat = |names: usize| {
        let more: String = (2..names).map(|n| format!(r#","n{n}":1"#)).collect();
        with(&format!(r#"{{"alg":"HS256","typ":"at+jwt"{more}}}"#))
    };
    let nested = |names: usize| {
        let more: String = (4..names).map(|n| format!(r#","n{n}":1"#)).collect();
        with(&format!(
            r#"{{"alg":"HS256","typ":"at+jwt","x":[{{"n":1{more}}}]}}"#
        ))
    };
    for header in [flat(3), flat(32), nested(32)] {
        accepts(&header);
    }
    for header in [flat(33), flat(130), nested(33), nested(130)] {
        refuses(&header, TokenError::Header);
    }
    let escaped: String = (2..33).map(|n| format!(r#","\u006e{n}":1"#)).collect();
    let header = format!(r#"{{"alg":"HS256","typ":"at+jwt"{escaped}}}"#);
    refuses(&with(&header), TokenError::Header);
}

#[test]
fn the_header_is_judged_before_the_signature() {
    let mut forged = with(r#"{"alg":"none","typ":"at+jwt"}"#);
    forged.truncate(forged.rfind('.').unwrap() + 1);
    assert_eq!(
        verifier().verify(&forged).unwrap_err(),
        TokenError::Algorithm
    );
}
