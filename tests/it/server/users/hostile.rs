//! Ids that are no ids: what somebody writes into the address to reach more than one user, or to break something.
//!
//! One list for whoever takes an id from outside: routes answer each of these by itself, and a store that asks a
//! server of its own must never pass one on.

use portcullis::UserId;

/// Spellings as they stand in the address, after `/users/`. `ID` is the id of a user who exists.
pub(crate) const HOSTILE_IDS: &[&str] = &[
    // Another query of the server behind: raw, encoded, and encoded twice.
    "ID&select=*",
    "ID&select=id,email:password,role,tenant_id,created_at%23",
    "ID%26select=id,email:password%23",
    "ID%26select%3Did%2Cemail%3Apassword",
    "ID%2526select%253D*",
    "ID&password=like.a*",
    "ID%26password%3Dlike.a%2A",
    "ID&columns=role",
    "ID&on_conflict=email",
    "ID&order=zzz",
    "ID&limit=0",
    "ID%26limit%3D1",
    "ID&offset=1",
    "ID&zzz=eq.1",
    "ID;select=*",
    "x&select=*",
    "x%26select=*",
    "1%26select%3D%2A",
    "%26id%3Dneq.1",
    "%26or%3D(id.neq.1)",
    "ID%3Fselect=*",
    "ID%3Fid%3Dneq.ID",
    // The rest cut off.
    "ID%23",
    "ID%23&select=*",
    "ID%23%26",
    // Filters and lists where one value belongs.
    "eq.ID",
    "neq.ID",
    "not.eq.ID",
    "in.(ID)",
    "(ID)",
    "ID,ID",
    "ID%2CID",
    "or=(id.eq.ID,id.neq.ID)",
    "or%3D(id.eq.ID)",
    "ID)or(id.neq.ID",
    "like.*",
    "is.null",
    "gte.00000000-0000-0000-0000-000000000000",
    "fts.a",
    // Jokers and words for nothing and everything.
    "*",
    "%2A",
    "%25",
    "_",
    "null",
    "NULL",
    "undefined",
    "true",
    "ME",
    "me%20",
    // SQL.
    "'",
    "%22",
    "\"ID\"",
    "'ID'",
    "ID'--",
    "ID'%20or%20'1'='1",
    "1);drop%20table%20users;--",
    "ID::uuid",
    "ID%3A%3Atext",
    // White space, control characters and what is no text, around an id that exists.
    "%20ID",
    "ID%20",
    "ID+",
    "ID%09",
    "ID%00",
    "%00ID",
    "%00",
    "%0a",
    "ID%0A",
    "ID%0d%0aX-Evil:%201",
    "%0d%0ax",
    "ID%0D%0A%0D%0AGET%20/",
    "ID%7F",
    "%ff",
    "ID%ff",
    "ID%c0%80",
    "ID%ED%A0%80",
    // Other spellings of a UUID, which some databases take and others don't.
    "%7BID%7D",
    "{ID}",
    "%7bID",
    "urn:uuid:ID",
    "urn%3Auuid%3AID",
    "BARE",
    "BARE----",
    "-BARE---",
    "IDa",
    "aID",
    "ID.",
    "ID.json",
    "ID-",
    "0x1",
    "00000000-0000-4000-8000-00000000000",
    "00000000-0000-4000-8000-0000000000000",
    "00000000-0000-4000-8000-00000000000g",
    "00000000_0000_4000_8000_000000000000",
    "000000000-000-4000-8000-000000000000",
    "00000000%E2%80%900000%E2%80%904000%E2%80%908000%E2%80%90000000000000",
    // Letters and digits that look like those of an id, and an invisible one.
    "%EF%BC%90%EF%BC%91",
    "ID%E2%80%8B",
    "%EF%BB%BFID",
    "ID%E2%80%AE",
    "%D9%A1%D9%A2%D9%A3",
    "%F0%9F%92%A5",
    // No number is an id, however it is written.
    "0",
    "1",
    "-1",
    "1e3",
    "NaN",
    "9223372036854775808",
    "abc",
    // The places of others.
    "...",
    "ID%5C..%5C",
    "..%5Cusers",
    "%252e%252e%252f",
    "$%7Bjndi:ldap:x%7D",
    "%7B%7B7*7%7D%7D",
];

/// Spellings with a slash in them, raw or encoded, or that lead to no user's place: no route has them.
pub(crate) const HOSTILE_PATHS: &[&str] = &[
    "/users//",
    "//users",
    "/users/a/b",
    "/users/a%2Fb",
    "/users/ID/select=*",
    "/users/ID/..",
    "/users/ID%2F",
    "/users/ID%2F..%2Frpc",
    "/users/..%2Fusers",
    "/users/..%2F..%2Frpc%2Fanything",
    "/users/%2e%2e%2fusers",
    "/users/%2F",
    "/rest/v1/users",
    "/Users",
    "/favicon.ico",
    "/users%2f",
    "/users%00",
    "/users%3Fselect=*",
];

/// Puts an id that exists where a spelling wants one.
pub(crate) fn spelled(spelling: &str, id: &UserId) -> String {
    let bare = id.as_str().replace('-', "");
    spelling.replace("ID", id.as_str()).replace("BARE", &bare)
}

/// The whole list, with an id that exists in it, and ids of 8 KiB in the end.
pub(crate) fn hostile_ids(id: &UserId) -> impl Iterator<Item = String> {
    let long = [
        "a".repeat(8 * 1024),
        format!("{id}{}", "0".repeat(8 * 1024)),
        format!("{id}{}", "%26select%3D*".repeat(600)),
    ];
    HOSTILE_IDS
        .iter()
        .map(|spelling| spelled(spelling, id))
        .chain(long)
}
