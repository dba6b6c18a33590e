//! The memory that the token cache holds, for claims of many types. Its own binary: it counts all allocations.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test stops at the first surprise"
)]
#![expect(
    clippy::zero_sized_map_values,
    clippy::large_enum_variant,
    dead_code,
    reason = "the types are meant to be bad, and only their size matters"
)]

use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use peak_alloc::PeakAlloc;
use portcullis::TokenVerifier;
use portcullis::token::{Algorithm, VerifyingKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const SECRET: &[u8] = b"a secret of more than 32 bytes for tests only";
/// The cache's bound, and a number of tokens that would take much more.
const CACHE_BYTES: usize = 256 * 1024;
const TOKENS: usize = 160;

/// One test's allocations must not be counted by another.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Tokens {
    key: hmac::Key,
    now: u64,
    count: usize,
}

impl Tokens {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, SECRET),
            now: now.unwrap().as_secs(),
            count: 0,
        }
    }

    /// Another token with these members beside the registered ones.
    fn next(&mut self, members: &str) -> String {
        self.count += 1;
        let (now, n) = (self.now, self.count);
        let payload = format!(
            r#"{{"iss":"iss","aud":"aud","sub":"{n}","iat":{now},"exp":{},"jti":"{n}"{members}}}"#,
            now + 3600
        );
        let header = URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"HS256","typ":"at+jwt"}"#);
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode_to_string(payload));
        let tag = hmac::sign(&self.key, input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode_to_string(tag))
    }
}

fn verifier() -> TokenVerifier {
    let key = VerifyingKey::from_secret(Algorithm::Hs256, SECRET).unwrap();
    let builder = TokenVerifier::builder("iss", "aud", key).cache(CACHE_BYTES);
    builder.build().unwrap()
}

/// `,"x":[item,item,…]` of about so many bytes.
fn array(item: &str, bytes: usize) -> String {
    let items = vec![item; (bytes / (item.len() + 1)).max(1)];
    format!(r#","x":[{}]"#, items.join(","))
}

/// `,"x":{"0":value,"1":value,…}` of about so many bytes.
fn object(value: &str, bytes: usize) -> String {
    let count = (bytes / (value.len() + 6)).max(1);
    let members: Vec<_> = (0..count.min(250))
        .map(|n| format!(r#""{n}":{value}"#))
        .collect();
    format!(r#","x":{{{}}}"#, members.join(","))
}

#[derive(Deserialize)]
struct Own<X> {
    x: X,
}

/// Verifies tokens with claims of type `E` and returns how many bytes the cache then holds. All tokens verify.
fn held<E: DeserializeOwned + Send + Sync + 'static>(
    tokens: &mut Tokens,
    members: impl Fn(usize) -> String,
) -> usize {
    // From a few bytes to nearly all that a token may have.
    let sizes = [1, 20, 60, 150, 400, 1_000, 2_500, 5_500];
    let shown: Vec<_> = (0..TOKENS)
        .map(|n| tokens.next(&members(sizes[n % sizes.len()])))
        .collect();
    let before = ALLOCATOR.current_usage();
    let verifier = verifier();
    let empty = ALLOCATOR.current_usage() - before;
    // Each thread has its share of the memory.
    for _ in 0..thread::available_parallelism().unwrap().get() {
        let verify = || {
            for token in &shown {
                drop(verifier.verify_shared::<E>(token).unwrap());
            }
        };
        thread::scope(|scope| scope.spawn(verify).join().unwrap());
    }
    let held = ALLOCATOR.current_usage() - before;
    drop(verifier);
    let left = ALLOCATOR.current_usage().saturating_sub(before);
    assert!(left < 4096, "{left} bytes are not given back");
    // The cache's own tables.
    assert!(empty < CACHE_BYTES / 20, "{empty}");
    held
}

/// Fails if the cache holds more than 1.5 times its bound with claims of this type.
macro_rules! bounded {
    ($tokens:ident, $worst:ident: $($type:ty => $members:expr;)*) => {$(
        let percent = held::<$type>(&mut $tokens, $members) * 100 / CACHE_BYTES;
        assert!(percent <= 150, "{percent} % of the bound: {}", stringify!($type));
        $worst = percent.max($worst);
    )*};
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ManyOptions {
    a: Option<[u64; 32]>,
    b: Option<[u64; 32]>,
    c: Option<String>,
    d: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Node {
    next: Option<Box<Node>>,
    wide: Option<[u64; 32]>,
}

#[derive(Deserialize)]
enum Tree {
    Leaf,
    Branch(Box<Tree>, Box<Tree>),
    Wide { wide: [u64; 32] },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Untagged {
    Options(Box<ManyOptions>),
    Any(Value),
}

#[derive(Deserialize)]
#[serde(tag = "t")]
enum Tagged {
    A(Box<ManyOptions>),
}

#[derive(Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    A(Box<ManyOptions>),
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
enum WideKey {
    A,
    Wide([u64; 32]),
}

#[derive(Deserialize)]
struct Flat {
    #[serde(flatten)]
    rest: HashMap<String, Vec<ManyOptions>>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Transparent(Box<(u8, ManyOptions)>);

#[test]
fn the_cache_keeps_its_bound_for_claims_of_every_kind() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tokens = Tokens::new();
    let mut worst = 0;
    bounded! { tokens, worst:
        () => |n| array("0", n);
        Own<String> => |n| format!(r#","x":"{}""#, "x".repeat(n));
        Own<String> => |n| format!(r#","x":"\u00e4{}""#, "x".repeat(n));
        // Values of any kind: arrays of tiny objects, empty and deep ones, texts, maps.
        Value => |n| array(r#"{"":0}"#, n);
        Value => |n| array("{}", n);
        Value => |n| array("[]", n);
        Value => |n| array("[0]", n);
        Value => |n| array("[[[[[[0]]]]]]", n);
        Value => |n| array(r#""""#, n);
        Value => |n| array(r#""a""#, n);
        Value => |n| array("0", n);
        Value => |n| array("null", n);
        Value => |n| object("0", n);
        Value => |n| object("{}", n);
        Value => |n| array(&format!("{}0{}", r#"{"a":"#.repeat(28), "}".repeat(28)), n);
        HashMap<String, Value> => |n| array(r#"{"":{"":0}}"#, n);
        HashMap<String, Value> => |n| object(r#"{"":0}"#, n).replace(r#","x":{"#, ",").replace("}}", "}");
        BTreeMap<String, Value> => |n| array(r#"{"":[0]}"#, n);
        serde_json::Map<String, Value> => |n| array(r#"{"":"a"}"#, n);
        Own<HashMap<String, Value>> => |n| object(r#"{"a":{}}"#, n);
        // Collections of collections, with one item, or none.
        Own<Vec<Vec<Vec<u8>>>> => |n| array("[]", n);
        Own<Vec<Vec<Vec<u8>>>> => |n| array("[[]]", n);
        Own<Vec<Vec<Vec<u8>>>> => |n| array("[[0]]", n);
        Own<Vec<Vec<()>>> => |n| array("[null]", n);
        Own<Vec<VecDeque<[u64; 8]>>> => |n| array("[[0,0,0,0,0,0,0,0]]", n);
        Own<Vec<String>> => |n| array(r#""a""#, n);
        Own<Vec<Box<str>>> => |n| array(r#""\n""#, n);
        Own<Vec<Option<Box<u64>>>> => |n| array("0", n);
        Own<LinkedList<u8>> => |n| array("0", n);
        Own<LinkedList<()>> => |n| array("null", n);
        Own<Vec<LinkedList<u8>>> => |n| array("[0]", n);
        Own<Vec<BTreeSet<u8>>> => |n| array("[0]", n);
        Own<Vec<BTreeSet<[u64; 8]>>> => |n| array("[[0,0,0,0,0,0,0,0]]", n);
        Own<Vec<HashSet<u8>>> => |n| array("[0]", n);
        Own<Vec<HashSet<[u64; 8]>>> => |n| array("[[0,0,0,0,0,0,0,0]]", n);
        Own<Vec<HashMap<u8, u128>>> => |n| array(r#"{"1":1}"#, n);
        Own<Vec<BTreeMap<u8, u128>>> => |n| array(r#"{"1":1}"#, n);
        Own<Vec<BTreeMap<String, ManyOptions>>> => |n| array(r#"{"":{}}"#, n);
        Own<HashMap<u16, ManyOptions>> => |n| object("{}", n);
        Own<BTreeMap<u16, Vec<u64>>> => |n| object("[0]", n);
        Own<HashMap<String, HashMap<String, ()>>> => |n| object(r#"{"":null}"#, n);
        Own<Vec<HashMap<Box<WideKey>, ()>>> => |n| array(r#"{"A":null}"#, n);
        // Types far larger than their text.
        Own<Vec<ManyOptions>> => |n| array("{}", n);
        Own<Vec<Box<ManyOptions>>> => |n| array("{}", n);
        Own<Vec<Option<ManyOptions>>> => |n| array("null", n);
        Own<Vec<Box<Option<ManyOptions>>>> => |n| array("null", n);
        Own<Vec<Transparent>> => |n| array("[0,{}]", n);
        Own<Box<[Node]>> => |n| array("{}", n);
        Own<Vec<Node>> => |n| array(r#"{"next":{"next":{"next":{}}}}"#, n);
        Own<Vec<Tree>> => |n| array(r#"{"Branch":["Leaf",{"Branch":["Leaf","Leaf"]}]}"#, n);
        Own<Vec<Tree>> => |n| array(r#""Leaf""#, n);
        Option<Own<Vec<Tree>>> => |n| array(r#""Leaf""#, n);
        // Types that serde fills from a buffer.
        Own<Vec<Untagged>> => |n| array("{}", n);
        Own<Vec<Untagged>> => |n| array("0", n);
        Own<Vec<Tagged>> => |n| array(r#"{"t":"A"}"#, n);
        Own<Vec<Adjacent>> => |n| array(r#"{"c":{},"t":"A"}"#, n);
        Own<Vec<Adjacent>> => |n| array(r#"{"t":"A","c":{}}"#, n);
        Flat => |n| array("{}", n);
    }
    // The bound is not held by caching nothing.
    assert!(worst > 50, "{worst}");
}

/// Whether the second call returns the claims of the first.
fn keeps<E: DeserializeOwned + Send + Sync + 'static>(members: &str) -> bool {
    let (verifier, token) = (verifier(), Tokens::new().next(members));
    let read = || verifier.verify_shared::<E>(&token).unwrap();
    let (one, other) = (read(), read());
    Arc::ptr_eq(&one, &other)
}

#[test]
fn ordinary_claims_are_cached_and_hostile_ones_are_read_again() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let usual = r#","role":"admin","scope":["read","write"],"address":{"city":"x"},"n":[1,2,3]"#;
    assert!(keeps::<()>(usual));
    assert!(keeps::<Value>(usual));
    assert!(keeps::<HashMap<String, Value>>(usual));
    assert!(keeps::<Own<Vec<String>>>(&array(r#""users:read""#, 500)));
    assert!(keeps::<Own<Vec<u64>>>(&array("1234", 500)));
    assert!(keeps::<Own<BTreeMap<String, String>>>(&object(
        r#""abc""#, 500
    )));
    assert!(!keeps::<Value>(&array(r#"{"":0}"#, 500)));
    assert!(!keeps::<Own<Vec<ManyOptions>>>(&array("{}", 60)));
    assert!(!keeps::<Own<Vec<Untagged>>>(&array("{}", 1)));
}
