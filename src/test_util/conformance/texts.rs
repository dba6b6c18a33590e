//! Texts that are known to break look-ups, and the promises about them.

use super::store::found;
use super::{Fault, Kept, email, promise};
use crate::directory::{NewUser, UserChanges, UserDirectory};
use crate::user::UserId;

const MIB: usize = 1024 * 1024;

/// Texts that are known to break look-ups: quotes, filters, wild cards, format strings, escape sequences,
/// control and invisible characters, odd Unicode, and sizes up to 1 MiB.
///
/// None of them is the login of an account that the suite creates. Send them to your own routes too: as login,
/// password, path and JSON member.
///
/// ```
/// # use portcullis::test_util::conformance::hostile_texts;
/// assert!(hostile_texts().iter().any(|text| text.contains('\0')));
/// ```
pub fn hostile_texts() -> Vec<String> {
    let short = [SYNTAX, ESCAPES, CONTROLS, INVISIBLE].concat();
    let mut texts: Vec<String> = short.into_iter().map(String::from).collect();
    texts.push("a".repeat(1000));
    texts.push(format!("{}@example.com", "'".repeat(1000)));
    texts.push("\u{1f9ff}".repeat(1000));
    // 1 MiB, in characters of one, two and four bytes.
    texts.push("a".repeat(MIB));
    texts.push("a".repeat(MIB) + "@example.com");
    texts.push("\0".repeat(MIB));
    texts.push("\u{ad}".repeat(MIB / 2));
    texts.push("\u{10ffff}".repeat(MIB / 4));
    texts
}

/// Syntax of databases, shells and templates.
const SYNTAX: &[&str] = &[
    "' OR '1'='1",
    "\" OR \"\"=\"",
    "'; DROP TABLE portcullis_users; --",
    "anna@example.com' --",
    "anna@example.com%",
    "%@example.com",
    "____@example.com",
    "*@example.com",
    "anna@example.com,bert@example.com",
    "eq.anna@example.com",
    "1&select=*",
    "1%26or=(id.neq.1)",
    "id=neq.1#",
    "../../etc/passwd",
    "${jndi:ldap://localhost}",
    "{{7*7}}",
    "%s%s%n",
    "null",
    "NaN",
    "-1",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-0000-0000-000000000000}",
];

/// Escape sequences, spelled out: harmless unless they are pasted into JSON, SQL or a URL.
const ESCAPES: &[&str] = &[
    "\\x00",
    "\\u0000",
    "anna@example.com\\u0000",
    "\\ud800",
    "\\udfff\\ud800",
    "anna\\ud800@example.com",
    "\\",
    "\\\"",
    "%00",
    "anna@example.com%00",
    "%ED%A0%80",
    "&#0;",
];

/// Control characters. PostgreSQL rejects U+0000 in text, C strings end at it, some collations ignore it.
const CONTROLS: &[&str] = &[
    "\0",
    "\0\0\0",
    "\0anna@example.com",
    "anna\0@example.com",
    "anna@example.com\0",
    "anna@example.com\0.example.org",
    "anna\u{1}@example.com",
    "anna\t@example.com",
    "anna\r\n@example.com",
    "anna@example.com\r\nX-Evil: 1",
    "anna\u{8}@example.com",
    "anna\u{1a}@example.com",
    "\u{1b}[2Janna@example.com",
    "anna\u{7f}@example.com",
    "anna\u{85}@example.com",
    "anna\u{9b}@example.com",
];

/// Invisible characters, changes of writing direction, look-alikes, noncharacters.
const INVISIBLE: &[&str] = &[
    "\u{202e}moc.elpmaxe@anna",
    "anna\u{200b}@example.com",
    "\u{feff}anna@example.com",
    "anna\u{2060}@example.com",
    "anna\u{ad}@example.com",
    "anna\u{2028}@example.com",
    "anna\u{2029}@example.com",
    "anna\u{2800}@example.com",
    "anna\u{3164}@example.com",
    "anna\u{fe0f}@example.com",
    "anna\u{e0001}@example.com",
    "\u{2066}anna\u{2069}@example.com",
    "anna@exаmple.com",
    "😀@example.com",
    "e\u{301}\u{301}\u{301}@example.com",
    "\u{fdfa}\u{fdfa}\u{fdfa}",
    "\u{10ffff}\u{fffe}",
    "\u{fffd}",
    "\u{e000}",
];

/// The texts that can be an identifier, cut to its maximum length.
pub(super) fn hostile_ids() -> Vec<UserId> {
    let cut = |text: String| text.chars().take(255).collect::<String>();
    let mut ids: Vec<UserId> = hostile_texts()
        .into_iter()
        .filter_map(|text| UserId::new(cut(text)).ok())
        .collect();
    // Long ones can be equal once they are cut.
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The text for a report; of a long one only the beginning.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    if start.len() == text.len() {
        format!("{start:?}")
    } else {
        format!("{start:?}... of {} bytes", text.len())
    }
}

/// A fault of a look-up by this text.
pub(super) fn fault(what: &str, text: &str, seen: impl core::fmt::Display) -> Fault {
    Fault(format!("the {what} {} {seen}", shown(text)))
}

/// Unusual but valid addresses are stored unchanged, and each finds its own user.
pub(super) async fn odd_addresses_are_kept_as_they_are<S: UserDirectory>(store: &S) -> Kept {
    // 64 bytes before the @, 254 in all.
    let (local, label) = ("l".repeat(64), "d".repeat(58));
    let longest = format!("{local}@{label}.{label}.{label}.example.test");
    let addresses = ODD_ADDRESSES.iter().copied().chain([longest.as_str()]);
    let addresses = addresses.map(email).collect::<Result<Vec<_>, _>>()?;

    let anna = store
        .create(NewUser::new(email("anna@example.com")?))
        .await?;
    for address in &addresses {
        let changes = UserChanges {
            email: Some(address.clone()),
            ..UserChanges::default()
        };
        let answered = store.update(None, &anna.id, changes, None).await?;
        let found = found(store, address.as_str()).await?;
        promise!(
            answered.email == *address && found.id == anna.id && found.user == answered,
            "{address:?} is changed into {:?}",
            found.user.email
        );
    }
    store.delete(None, &anna.id, None).await?;

    let mut users = Vec::new();
    for address in &addresses {
        let user = store.create(NewUser::new(address.clone())).await?;
        promise!(
            user.email == *address,
            "{address:?} is kept as {:?}",
            user.email
        );
        users.push(user);
    }
    for user in users {
        let found = found(store, user.email.as_str()).await?;
        promise!(
            found.user == user,
            "{:?} finds {:?}",
            user.email,
            found.user.email
        );
    }
    Ok(())
}

const ODD_ADDRESSES: &[&str] = &[
    "o'brien@example.com",
    "%@example.com",
    "____@example.com",
    "*@example.com",
    "a&select=*@example.com",
    "id=neq.1#@example.com",
    "${jndi}@example.com",
    "{{7*7}}@example.com",
    "$1@example.com",
    "?1@example.com",
    "a/b@example.com",
    "`|~^!+-=@example.com",
    "null@example.com",
    "😀@example.com",
    "\u{1f9ff}\u{1f9ff}\u{1f9ff}\u{1f9ff}@example.com",
    "änne@bücher.example",
];
