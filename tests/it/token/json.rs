//! Payloads that two programs could read differently: duplicates, other roots, bad text, deep nesting.

use super::forge::{HEADER, NOW, accepts, payload, refuses, token, verifier};
use portcullis::token::TokenError;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

fn with(more: &str) -> String {
    token(HEADER, payload(more))
}

#[test]
fn ordinary_claims_of_any_kind_are_accepted() {
    for more in [
        "",
        r#","a":null,"b":true,"c":-1.5e3,"d":"ü\n\u00e4\ud83d\ude00","e":[1,[2,[3]]],"f":{"g":{"h":{}}}"#,
        r#","":1"#,
        r#","scope":"read write""#,
        r#","a":{"x":1},"b":{"x":1}"#,
        r#","a":[{"x":1},{"x":1}]"#,
        r#","big":123456789012345678901234567890,"small":1e-320"#,
        r#","cnf":{"jkt":"x"}"#,
    ] {
        accepts(&with(more));
    }
    let many: String = (0..300).map(|n| format!(r#","m{n}":{n}"#)).collect();
    accepts(&with(&many));
}

#[test]
fn a_member_given_twice_is_refused_at_any_depth() {
    for more in [
        r#","sub":"someone""#,
        r#","sub":"admin""#,
        r#","\u0073ub":"admin""#,
        r#","exp":1900000000"#,
        r#","jti":"k""#,
        r#","iat":1"#,
        r#","aud":"api""#,
        r#","iss":"x""#,
        r#","x":1,"x":1"#,
        r#","x":1,"\u0078":2"#,
        r#","x":{"y":1,"y":1}"#,
        r#","x":[{"y":1,"y":1}]"#,
        r#","x":[[{"y":{"z":1,"z":2}}]]"#,
        r#","":1,"":2"#,
        r#","é":1,"\u00e9":2"#,
        r#","x":{"":1,"":2}"#,
        r#","epoch":1,"epoch":1"#,
    ] {
        refuses(&with(more), TokenError::Payload);
    }
    // Beyond what is kept without allocation, and with the sketch of names full.
    let many: String = (0..300).map(|n| format!(r#","m{n}":{n}"#)).collect();
    refuses(&with(&format!(r#"{many},"m7":0"#)), TokenError::Payload);
    refuses(&with(&format!(r#"{many},"m299":0"#)), TokenError::Payload);
    refuses(
        &with(&format!(r#"{many},"\u006d250":0"#)),
        TokenError::Payload,
    );
}

#[test]
fn duplicates_are_seen_whatever_type_the_application_reads() {
    #[derive(Debug, Deserialize)]
    struct Typed {
        #[expect(dead_code, reason = "only its reading matters")]
        x: Option<Inner>,
    }
    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading matters")]
        y: u8,
    }
    #[derive(Debug, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        _rest: HashMap<String, serde_json::Value>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Either {
        _One { _x: u8 },
        _Any(#[expect(dead_code, reason = "only its reading matters")] serde_json::Value),
    }
    let verifier = verifier();
    for more in [
        r#","x":{"y":1,"y":2}"#,
        r#","x":{"y":1,"z":{"a":1,"a":2}}"#,
        r#","x":{"y":1,"z":[{"a":1,"a":2}]}"#,
    ] {
        let token = with(more);
        assert_eq!(
            verifier.verify_with::<Typed>(&token).unwrap_err(),
            TokenError::Payload,
            "{more}"
        );
        assert_eq!(
            verifier
                .verify_with::<serde_json::Value>(&token)
                .unwrap_err(),
            TokenError::Payload,
            "{more}"
        );
        assert_eq!(
            verifier.verify_with::<Flat>(&token).unwrap_err(),
            TokenError::Payload,
            "{more}"
        );
        assert_eq!(
            verifier.verify_with::<Either>(&token).unwrap_err(),
            TokenError::Payload,
            "{more}"
        );
        assert_eq!(
            verifier
                .verify_with::<BTreeMap<String, serde_json::Value>>(&token)
                .unwrap_err(),
            TokenError::Payload,
            "{more}"
        );
        assert_eq!(
            verifier
                .verify_with::<serde::de::IgnoredAny>(&token)
                .unwrap_err(),
            TokenError::Payload,
            "{more}"
        );
    }
    // Text nobody has read could hide them.
    let raw = verifier
        .verify_with::<HashMap<String, Box<serde_json::value::RawValue>>>(&with(r#","x":1"#));
    assert_eq!(raw.unwrap_err(), TokenError::OwnClaims);
}

#[test]
fn the_application_reads_its_own_claims_in_its_own_types() {
    #[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
    struct Key(String);
    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        Unit,
        Newtype(u8),
        Struct { x: u8 },
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        kinds: Vec<Kind>,
        by_name: BTreeMap<Key, u8>,
        by_number: BTreeMap<u16, bool>,
        pair: (u8, String),
        maybe: Option<i64>,
        float: f64,
    }
    let more = r#","kinds":["Unit",{"Newtype":1},{"Struct":{"x":2}}],"by_name":{"a":1},"by_number":{"7":true},"pair":[1,"x"],"maybe":-3,"float":2"#;
    let own = verifier()
        .verify_with::<Own>(&with(more))
        .unwrap()
        .into_extra();
    assert_eq!(
        own.kinds,
        [Kind::Unit, Kind::Newtype(1), Kind::Struct { x: 2 }]
    );
    assert_eq!(own.by_name.get(&Key("a".into())), Some(&1));
    assert_eq!(own.by_number.get(&7), Some(&true));
    assert_eq!(
        (own.pair, own.maybe, own.float),
        ((1, "x".into()), Some(-3), 2.0)
    );

    // Registered claims are not the application's: `deny_unknown_fields` above did not see them, and no map holds them.
    let all = verifier()
        .verify_with::<BTreeMap<String, u8>>(&with(r#","a":1"#))
        .unwrap()
        .into_extra();
    assert_eq!(all, BTreeMap::from([("a".into(), 1)]));
}

#[test]
fn an_integer_as_a_key_has_one_spelling() {
    fn read<K: serde::de::DeserializeOwned + Eq + std::hash::Hash>(
        keys: &str,
    ) -> Result<HashMap<K, u8>, TokenError> {
        #[derive(Deserialize)]
        #[serde(bound = "K: serde::de::DeserializeOwned + Eq + std::hash::Hash")]
        struct Own<K> {
            by_number: HashMap<K, u8>,
        }
        let token = with(&format!(r#","by_number":{{{keys}}}"#));
        let claims = verifier().verify_with::<Own<K>>(&token)?;
        Ok(claims.into_extra().by_number)
    }
    assert_eq!(
        read(r#""5":1,"0":2"#),
        Ok(HashMap::from([(5_u32, 1), (0, 2)]))
    );
    let signed = HashMap::from([(-5_i64, 1), (i64::MIN, 2), (0, 3)]);
    let spelled = r#""-5":1,"-9223372036854775808":2,"0":3"#;
    assert_eq!(read(spelled), Ok(signed));
    let last = HashMap::from([(u64::MAX, 1)]);
    assert_eq!(read(r#""18446744073709551615":1"#), Ok(last));
    for key in [
        "05", "+5", "00", "-0", "+0", "-05", "", "-", " 5", "5 ", "0x5", "5.0", "5e0", "\u{665}",
    ] {
        let keys = format!(r#""{key}":1"#);
        assert_eq!(read::<u8>(&keys), Err(TokenError::OwnClaims), "{key}");
        assert_eq!(read::<u32>(&keys), Err(TokenError::OwnClaims), "{key}");
        assert_eq!(read::<i64>(&keys), Err(TokenError::OwnClaims), "{key}");
        assert_eq!(read::<i8>(&keys), Err(TokenError::OwnClaims), "{key}");
    }
    // Three members must not become one entry.
    let three = read::<u32>(r#""5":1,"05":2,"+5":3"#);
    assert_eq!(three, Err(TokenError::OwnClaims));
}

#[test]
fn own_claims_that_do_not_fit_are_an_error_of_their_own() {
    #[derive(Debug, Deserialize)]
    struct Own {
        #[expect(dead_code, reason = "only its reading matters")]
        role: Role,
    }
    #[derive(Debug, Deserialize)]
    struct Role {
        #[expect(dead_code, reason = "only its reading matters")]
        name: String,
    }
    let verifier = verifier();
    // An array in the place of a struct is no struct, though serde would read it by position.
    for more in [
        "",
        r#","role":1"#,
        r#","role":null"#,
        r#","role":{}"#,
        r#","role":["x"]"#,
        r#","role":{"name":1}"#,
    ] {
        assert_eq!(
            verifier.verify_with::<Own>(&with(more)).unwrap_err(),
            TokenError::OwnClaims,
            "{more}"
        );
    }
    assert!(
        verifier
            .verify_with::<Own>(&with(r#","role":{"name":"x"}"#))
            .is_ok()
    );
    assert_eq!(
        verifier.verify_with::<Vec<u8>>(&with("")).unwrap_err(),
        TokenError::OwnClaims
    );
}

#[test]
fn a_payload_is_one_object_of_json_and_nothing_else() {
    let good = payload("");
    let array = format!(
        r#"[{},null,"someone","https://issuer.example","api"]"#,
        NOW + 100
    );
    for text in [
        "",
        " ",
        "null",
        "true",
        "1",
        "\"text\"",
        "[]",
        "{",
        "}",
        "{}}",
        "{]",
        &array,
        &format!("[{good}]"),
        &format!("{good}{good}"),
        &format!("{good} x"),
        &format!("{good},"),
        &format!("\u{feff}{good}"),
        &format!("\"{}\"", good.replace('"', "\\\"")),
        &good.replace('"', "'"),
        &good.replace(",\"jti\"", ",,\"jti\""),
        &good.replace('}', ",}"),
        &format!("//x\n{good}"),
        &format!("{good}\0"),
        &format!("\0{good}"),
    ] {
        refuses(&token(HEADER, text), TokenError::Payload);
    }
    accepts(&token(HEADER, format!(" \r\n\t{good}\n")));
}

#[test]
fn text_that_is_not_unicode_is_refused_even_where_nobody_looks() {
    for more in [
        &b"\xff"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ] {
        let mut bytes = payload(r#","x":""#).into_bytes();
        bytes.truncate(bytes.len() - 1);
        bytes.extend_from_slice(more);
        bytes.extend_from_slice(b"\"}");
        refuses(&token(HEADER, bytes), TokenError::Payload);
    }
    let utf16: Vec<u8> = payload("")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    refuses(&token(HEADER, utf16), TokenError::Payload);
    for more in [
        r#","x":"\ud800""#,
        r#","x":["\udc00"]"#,
        r#","x":{"y":"\ud83dx"}"#,
        r#","\ud800":1"#,
        r#","x":"\u12""#,
        ",\"x\":\"a\nb\"",
        ",\"x\":\"\u{1}\"",
    ] {
        refuses(&with(more), TokenError::Payload);
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize, open: &str, close: &str| {
        with(&format!(
            r#","x":{}1{}"#,
            open.repeat(depth),
            close.repeat(depth)
        ))
    };
    accepts(&nested(20, "[", "]"));
    accepts(&nested(20, r#"{"a":"#, "}"));
    for depth in [32, 100, 127, 128, 1000] {
        refuses(&nested(depth, "[", "]"), TokenError::Payload);
    }
    refuses(&nested(32, r#"{"a":"#, "}"), TokenError::Payload);
    refuses(&nested(900, r#"{"a":"#, "}"), TokenError::Payload);
}

#[test]
fn a_type_that_swallows_errors_makes_nothing_good() {
    /// Asks for a number of each member, and says that all is well whatever comes.
    #[derive(Debug)]
    struct Careless;
    impl<'de> Deserialize<'de> for Careless {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            drop(BTreeMap::<String, u8>::deserialize(deserializer));
            Ok(Self)
        }
    }
    #[derive(Debug, Deserialize)]
    struct Own {
        #[expect(dead_code, reason = "only its reading matters")]
        x: Careless,
    }
    let verify = |more: &str| {
        let token = token(HEADER, payload(more));
        verifier().verify_with::<Own>(&token).map(drop)
    };
    assert_eq!(verify(r#","x":{"a":1}"#), Ok(()));
    // Given up behind `a`: what follows must not pass for members of the object around it.
    for more in [
        r#","x":{"a":"","b":1}"#,
        r#","x":{"a":"","b":1"#,
        r#","x":{"a":{"b":""}"#,
        r#","x":{"a":[""]"#,
        r#","x":{"a":1,"a":2}"#,
        r#","x":{"a":"\ud800"}"#,
        r#","x":{"a":01}"#,
    ] {
        assert_eq!(verify(more), Err(TokenError::Payload), "{more}");
    }
}
