//! The application's own claims in a token: written as `serde_json` writes them, or not at all.

use super::issuing::{issuer, someone};
use portcullis::token::IssueError;
use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The payload as it stands in the token.
fn payload<E: Serialize>(own: &E) -> Result<String, IssueError> {
    let token = issuer().issue_with(&someone(), own)?;
    let payload = token.expose().split('.').nth(1).unwrap();
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap();
    Ok(String::from_utf8(bytes).unwrap())
}

/// Behind the registered claims stands, to the byte, what `serde_json` makes of the type.
fn assert_written<E: Serialize>(own: &E) {
    let payload = payload(own).unwrap();
    let (_, behind_id) = payload.split_once("\"jti\":\"").unwrap();
    let (_, written) = behind_id.split_once('"').unwrap();
    let members = serde_json::to_string(own).unwrap();
    assert_eq!(written, members.replacen('{', ",", 1), "{members}");
}

#[derive(Serialize)]
struct Id(u64);

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    SuperAdmin,
    Owner(u8),
    Of { place: &'static str },
}

#[derive(Serialize)]
struct Scalars<'a> {
    text: &'a str,
    #[serde(rename = "a \"name\"\\\u{1}\u{e4}")]
    name: String,
    yes: bool,
    no: bool,
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    id: Id,
    role: Role,
    none: Option<u8>,
    some: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<bool>,
    #[serde(skip)]
    _hidden: bool,
}

fn scalars(text: &str) -> Scalars<'_> {
    Scalars {
        text,
        name: text.to_owned(),
        yes: true,
        no: false,
        i8: i8::MIN,
        i16: i16::MIN,
        i32: i32::MIN,
        i64: i64::MIN,
        u8: u8::MAX,
        u16: u16::MAX,
        u32: u32::MAX,
        u64: u64::MAX,
        id: Id(7),
        role: Role::SuperAdmin,
        none: None,
        some: Some(text),
        left_out: None,
        _hidden: true,
    }
}

#[derive(Serialize)]
struct Only<T> {
    only: T,
}

#[derive(Serialize)]
#[serde(tag = "kind")]
enum Tagged {
    Person { age: i8 },
}

#[test]
fn any_type_that_is_an_object_is_written_as_serde_json_writes_it() {
    for text in [
        "",
        "plain",
        "\"",
        "\\",
        "\u{0}",
        "\u{1f}",
        "\u{7f}",
        "ä€😀",
        "0123456789abcde\n",
    ] {
        assert_written(&Only { only: text });
        assert_written(&scalars(text));
    }
    assert_written(&Only { only: Id(1) });
    assert_written(&Only {
        only: Role::SuperAdmin,
    });
    assert_written(&Only {
        only: Role::Owner(1),
    });
    assert_written(&Only {
        only: Role::Of { place: "here" },
    });
    assert_written(&Only { only: () });
    assert_written(&Only { only: 'c' });
    assert_written(&Only {
        only: [1.5, -0.0, f64::MAX, f64::NAN],
    });
    assert_written(&Only { only: 0.1_f32 });
    assert_written(&Only { only: u128::MAX });
    assert_written(&Only {
        only: Only { only: 1 },
    });
    assert_written(&Only {
        only: Only {
            only: Only { only: [[1]] },
        },
    });
    assert_written(&Only {
        only: BTreeMap::from([(1, "one"), (2, "two")]),
    });
    assert_written(&Only {
        only: RawValue::from_string("{ \"a\" : [1] }".into()).unwrap(),
    });
    assert_written(&Only {
        only: serde_json::json!({"a": null, "b": {"c": 1e300}}),
    });
    assert_written(&BTreeMap::from([("a\"", 1), ("b", 2)]));
    assert_written(&serde_json::json!({"x": true}));
    assert_written(&RawValue::from_string(r#"{"role":"admin"}"#.into()).unwrap());
    assert_written(&Some(Only { only: 1 }));
    assert_written(&Role::Owner(3));
    assert_written(&Tagged::Person { age: -1 });
}

proptest! {
    #[test]
    fn any_text_and_any_number(text in ".*", bytes in any::<Vec<u8>>(), number: i64, natural: u64) {
        assert_written(&scalars(&text));
        assert_written(&Only { only: String::from_utf8_lossy(&bytes) });
        assert_written(&Only { only: number });
        assert_written(&Only { only: natural });
    }
}

/// A struct of these fields under this name: what a derive can't be made to write.
struct Handmade(&'static str, &'static [&'static str]);

impl Serialize for Handmade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(self.0, self.1.len())?;
        for name in self.1 {
            fields.serialize_field(name, r#"{"iss":"somebody else"}"#)?;
        }
        fields.end()
    }
}

#[test]
fn no_way_of_writing_gives_a_name_twice_or_one_that_is_not_the_applications() {
    assert!(payload(&Handmade("Own", &["role", "email"])).is_ok());
    assert!(payload(&Handmade("Own", &[])).is_ok());
    for names in [
        &["role", "role"][..],
        &["a", "b", "a"],
        &["iss"],
        &["role", "epoch"],
    ] {
        let error = payload(&Handmade("Own", names)).unwrap_err();
        let text = "the token could not be issued: the own claims must be an object without registered or repeated names";
        assert_eq!(error.to_string(), text, "{names:?}");
    }
    let inner = Only {
        only: Handmade("Own", &["role", "role"]),
    };
    assert!(payload(&inner).is_err());
    // `serde_json` writes a struct of this name as the text that its field holds.
    const RAW: &str = "$serde_json::private::RawValue";
    assert!(payload(&Handmade(RAW, &[RAW])).is_err());
    for text in [
        r#"{"exp":1}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":{"b":1,"\u0062":1}}"#,
        "[]",
    ] {
        let raw = RawValue::from_string(text.into()).unwrap();
        assert!(payload(&raw).is_err(), "{text}");
    }
    let twice = RawValue::from_string(r#"{"b":1,"\u0062":1}"#.into()).unwrap();
    assert!(payload(&Only { only: twice }).is_err());
}

/// Goes on behind a field that was refused.
struct Careless(&'static str);

impl Serialize for Careless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Careless", 3)?;
        fields.serialize_field("first", &1)?;
        drop(fields.serialize_field(self.0, &[2]));
        fields.serialize_field("last", &3)?;
        fields.end()
    }
}

#[test]
fn an_error_that_is_swallowed_counts_all_the_same() {
    assert_written(&Careless("list"));
    for name in ["first", "exp"] {
        assert!(payload(&Careless(name)).is_err(), "{name}");
    }
}

#[test]
fn a_type_that_fails_half_way_leaves_no_token_and_says_why() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the cupboard was bare"))
        }
    }
    #[derive(Serialize)]
    struct Half {
        written: bool,
        fails: Fails,
    }
    let error = payload(&Half {
        written: true,
        fails: Fails,
    })
    .unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.to_string().contains("the cupboard was bare"));
}
