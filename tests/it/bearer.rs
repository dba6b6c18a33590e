//! What an `Authorization` header must look like to be looked at (security rules H1 to H5).

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use portcullis::BearerToken;
use portcullis::bearer::{BearerError, Challenge};

fn headers(values: &[&[u8]]) -> HeaderMap {
    values
        .iter()
        .filter_map(|value| HeaderValue::from_bytes(value).ok())
        .map(|value| (AUTHORIZATION, value))
        .collect()
}

fn read(value: &[u8]) -> Result<String, BearerError> {
    let headers = headers(&[value]);
    BearerToken::from_headers(&headers).map(|token| token.as_str().to_owned())
}

#[test]
fn a_request_without_the_header_carries_no_token() {
    let none = HeaderMap::new();
    assert_eq!(BearerToken::from_headers(&none), Err(BearerError::Missing));
}

#[test]
fn two_headers_are_never_chosen_between() {
    let cases: [&[&[u8]]; 5] = [
        &[b"Bearer good", b"Bearer bad"],
        &[b"Bearer same", b"Bearer same"],
        &[b"Bearer good", b"Basic dTpw"],
        &[b"Basic dTpw", b"Bearer good"],
        &[b"", b"Bearer good"],
    ];
    for values in cases {
        let headers = headers(values);
        assert_eq!(
            BearerToken::from_headers(&headers),
            Err(BearerError::Malformed)
        );
    }
}

#[test]
fn the_scheme_is_bearer_in_any_letter_case() {
    for value in ["Bearer abc", "bearer abc", "BEARER abc", "bEaReR abc"] {
        assert_eq!(read(value.as_bytes()).as_deref(), Ok("abc"), "{value:?}");
    }
}

#[test]
fn spaces_around_the_token_are_not_part_of_it() {
    for value in [
        "Bearer  abc",
        "Bearer     abc",
        "Bearer abc ",
        "Bearer abc \t ",
    ] {
        assert_eq!(read(value.as_bytes()).as_deref(), Ok("abc"), "{value:?}");
    }
}

#[test]
fn the_whole_grammar_of_a_token_is_read() {
    let alphabet = "abcxyzABCXYZ0189-._~+/==";
    assert_eq!(
        read(format!("Bearer {alphabet}").as_bytes()).as_deref(),
        Ok(alphabet)
    );
}

#[test]
fn another_scheme_carries_no_token() {
    let values: [&[u8]; 11] = [
        b"",
        b"abc",
        b"Basic dTpw",
        b"Token abc",
        b"Bearerabc",
        b"Bearer\tabc",
        b"Bearer:abc",
        b"Bearer,abc",
        b"DPoP abc",
        b"aaa.bbb.ccc",
        b"X-Bearer abc",
    ];
    for value in values {
        assert_eq!(read(value), Err(BearerError::Missing), "{value:?}");
    }
}

#[test]
fn a_bearer_header_that_is_not_one_token_is_malformed() {
    let values: [&[u8]; 20] = [
        b"Bearer",
        b"Bearer ",
        b"Bearer  ",
        b"Bearer =",
        b"Bearer ==",
        b"Bearer a b",
        b"Bearer a Bearer b",
        b"Bearer a, Bearer b",
        b"Bearer a,b",
        b"Bearer \"abc\"",
        b"Bearer 'abc'",
        b"Bearer a=b",
        b"Bearer \tabc",
        b"Bearer abc\tdef",
        b"Bearer a%2Eb",
        b"Bearer a;b",
        b"Bearer {abc}",
        "Bearer abcé".as_bytes(),
        "Bearer abc\u{200b}".as_bytes(),
        b"Bearer abc\xff",
    ];
    for value in values {
        assert_eq!(read(value), Err(BearerError::Malformed), "{value:?}");
    }
}

#[test]
fn every_single_byte_inside_a_token_is_taken_or_refused_by_the_grammar() {
    for byte in (0_u8..=255).filter(|byte| !b"=".contains(byte)) {
        let Ok(value) = HeaderValue::from_bytes(&[b"Bearer a", &[byte][..], b"c"].concat()) else {
            continue;
        };
        let headers: HeaderMap = [(AUTHORIZATION, value)].into_iter().collect();
        let grammatical = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        assert_eq!(
            BearerToken::from_headers(&headers).is_ok(),
            grammatical,
            "{byte:#x}"
        );
    }
}

#[test]
fn other_headers_are_not_looked_at() {
    for name in [
        "proxy-authorization",
        "x-authorization",
        "cookie",
        "x-access-token",
    ] {
        let name = HeaderName::from_static(name);
        let headers: HeaderMap = [(name, HeaderValue::from_static("Bearer abc"))]
            .into_iter()
            .collect();
        assert_eq!(
            BearerToken::from_headers(&headers),
            Err(BearerError::Missing)
        );
    }
}

#[test]
fn a_challenge_names_an_error_only_if_a_token_was_sent() {
    let cases = [
        (Challenge::Bare, "Bearer"),
        (Challenge::InvalidToken, r#"Bearer error="invalid_token""#),
        (
            Challenge::InsufficientScope,
            r#"Bearer error="insufficient_scope""#,
        ),
    ];
    for (challenge, value) in cases {
        assert_eq!(challenge.to_header_value(), value);
    }
}
