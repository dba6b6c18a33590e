//! Tokens that nobody issued: well made and odd ones under the right key, and forged ones (the contract's table 1.3).

use super::site::{Site, on_each_store};
use super::{Answer, SECRET, Town};
use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use std::time::{SystemTime, UNIX_EPOCH};

on_each_store![
    a_token_under_our_key_counts_only_if_every_part_is_right,
    a_token_of_somebody_the_store_does_not_hold_is_401_whatever_its_subject_is,
    a_signature_is_of_the_pinned_kind_by_the_right_key_and_spelled_one_way,
];

const HEADER: &str = r#"{"alg":"HS256","typ":"at+jwt"}"#;

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A good payload in which some members have another value, or are left out.
fn payload(subject: &str, instead: &[(&str, Option<&str>)]) -> String {
    let mut members = vec![
        ("iss", r#""portcullis""#.to_owned()),
        ("aud", r#""portcullis-api""#.to_owned()),
        ("sub", format!("\"{subject}\"")),
        ("iat", now().to_string()),
        ("exp", (now() + 600).to_string()),
        ("jti", r#""0123456789abcdef0123456789abcdef""#.to_owned()),
    ];
    for (name, value) in instead {
        members.retain(|(known, _)| known != name);
        members.extend(value.map(|value| (*name, value.to_owned())));
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn signed(
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
    kind: hmac::Algorithm,
    key: &str,
) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
    let input = format!("{}.{}", encode(header.as_ref()), encode(payload.as_ref()));
    let tag = hmac::sign(&hmac::Key::new(kind, key.as_bytes()), input.as_bytes());
    format!("{input}.{}", encode(tag.as_ref()))
}

fn ours(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    signed(header, payload, hmac::HMAC_SHA256, SECRET)
}

async fn me<S>(town: &Town<S>, token: &str) -> Answer {
    town.call("GET", "/users/me", token).await
}

async fn refused<S>(town: &Town<S>, what: &str, token: &str) {
    let answer = me(town, token).await;
    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
    assert_eq!(
        answer.text, r#"{"detail":"Could not validate credentials"}"#,
        "{what}"
    );
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer error="invalid_token""#),
        "{what}"
    );
}

async fn a_token_under_our_key_counts_only_if_every_part_is_right(site: impl Site) {
    let town = site.town(&[]).await;
    let id = town.max.id.as_str();
    let good = payload(id, &[]);
    for header in [
        HEADER,
        r#"{"typ":"application/at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"AT+JWT"}"#,
    ] {
        assert_eq!(
            me(&town, &ours(header, &good)).await.status,
            200,
            "{header}"
        );
    }
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"unknown"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","crit":["zzz"],"zzz":1}"#,
        r#"{"alg":"HS256","typ":"at+jwt","crit":["b64"],"b64":false}"#,
        r#"{"alg":"HS256","typ":"at+jwt","b64":false}"#,
        r#"{"typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":"at+jwt""#,
        r#"["HS256"]"#,
    ] {
        refused(&town, header, &ours(header, &good)).await;
    }
    let (past, future) = (now() - 1, now() + 3600);
    let (past, future) = (past.to_string(), future.to_string());
    let in_millis = format!("{}000", now());
    for (name, value) in [
        ("exp", Some(past.as_str())),
        ("exp", Some("0")),
        ("exp", Some("-1")),
        ("exp", Some("true")),
        ("exp", Some("\"soon\"")),
        ("exp", Some(&format!("\"{future}\""))),
        ("exp", Some("NaN")),
        ("exp", Some("Infinity")),
        ("exp", Some("1e400")),
        ("exp", Some("null")),
        ("exp", Some("[1]")),
        ("exp", Some("100000000000000000000")),
        ("exp", Some(&in_millis)),
        ("exp", None),
        ("nbf", Some(&future)),
        ("nbf", Some("\"now\"")),
        ("iat", Some(&future)),
        ("iat", Some("\"now\"")),
        ("jti", Some("7")),
        ("jti", Some("\" \"")),
        ("jti", Some("\"\"")),
        ("jti", None),
        ("iss", Some("7")),
        ("iss", Some("\"other\"")),
        ("iss", None),
        ("aud", Some("null")),
        ("aud", Some("[]")),
        ("aud", Some("\"other\"")),
        ("aud", None),
        ("sub", Some("null")),
        ("sub", Some("\"\"")),
        ("sub", Some("7")),
        ("sub", Some("[\"x\"]")),
        ("sub", None),
    ] {
        let token = ours(HEADER, payload(id, &[(name, value)]));
        refused(&town, &format!("{name} {value:?}"), &token).await;
    }
    let twice = good.replacen('{', &format!("{{\"sub\":\"{}\",", town.anna.id), 1);
    for odd in [twice.as_str(), "{", "[]", "\"x\"", "null", ""] {
        refused(&town, odd, &ours(HEADER, odd)).await;
    }
    refused(&town, "no text", &ours(HEADER, b"{\"sub\":\"\xff\"}")).await;
}

async fn a_token_of_somebody_the_store_does_not_hold_is_401_whatever_its_subject_is<S: Site>(
    site: S,
) {
    let town = site.town(&[]).await;
    let id = town.max.id.as_str();
    for subject in [
        super::ABSENT,
        "00000000-0000-0000-0000-000000000000",
        // The subject of the original's tokens.
        "max@example.com",
        "max",
        "1",
        "*",
        "null",
        // A store that builds a query of it would find somebody, or fail.
        &format!("{id}&select=*"),
        &format!("{id}&or=(id.neq.{id})"),
        &format!("{id}#"),
        &format!("{id},{id}"),
        &format!(" {id}"),
        &format!("{{{id}}}"),
        &format!("eq.{id}"),
        "' or '1'='1",
        &id.replace('-', ""),
        &id.to_uppercase(),
        "\u{e4}\u{1f4a5}",
        &"a".repeat(255),
        &"a".repeat(4000),
    ] {
        refused(&town, subject, &ours(HEADER, payload(subject, &[]))).await;
    }
    // Those that were there, but are gone.
    let token = ours(HEADER, payload(town.ben.id.as_str(), &[]));
    assert_eq!(me(&town, &token).await.status, 200);
    let path = format!("/users/{}", town.ben.id);
    let bea = town.token(&town.bea).await;
    assert_eq!(town.call("DELETE", &path, &bea).await.status, 200);
    refused(&town, "deleted", &token).await;
}

async fn a_signature_is_of_the_pinned_kind_by_the_right_key_and_spelled_one_way(site: impl Site) {
    let town = site.town(&[]).await;
    let good = payload(town.max.id.as_str(), &[]);
    let token = ours(HEADER, &good);
    assert_eq!(me(&town, &token).await.status, 200);
    for (alg, kind) in [
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
        ("RS256", hmac::HMAC_SHA256),
        ("hs256", hmac::HMAC_SHA256),
        ("none", hmac::HMAC_SHA256),
    ] {
        let header = format!(r#"{{"alg":"{alg}","typ":"at+jwt"}}"#);
        let forged = signed(&header, &good, kind, SECRET);
        refused(&town, alg, &forged).await;
        let unsigned = forged.rsplit_once('.').unwrap().0;
        refused(&town, alg, &format!("{unsigned}.")).await;
        refused(&town, alg, unsigned).await;
    }
    let other = SECRET.replace('a', "b");
    let foreign = signed(HEADER, &good, hmac::HMAC_SHA256, &other);
    refused(&town, "another key", &foreign).await;

    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = input.split_once('.').unwrap();
    let raised = payload(town.anna.id.as_str(), &[]);
    let raised = URL_SAFE_NO_PAD.encode_to_string(raised);
    refused(&town, "swapped", &format!("{header}.{raised}.{signature}")).await;
    refused(&town, "padded", &format!("{token}=")).await;
    refused(&town, "longer", &format!("{token}A")).await;
    refused(&town, "cut", &token[..token.len() - 1]).await;
    // 32 bytes leave two bits of the last character unused: four spellings of one signature, one of which counts.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for last in alphabet.chars().filter(|last| !token.ends_with(*last)) {
        let altered = format!("{}{last}", &token[..token.len() - 1]);
        refused(&town, "altered", &altered).await;
    }
    for at in [0, 5, header.len() + 3, input.len() + 3] {
        let other = if token[at..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        let altered = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        refused(&town, "altered", &altered).await;
    }
    refused(&town, "64 KB", &"a".repeat(64 * 1024)).await;
}
