//! Who a person is: [`UserId`], [`Email`], [`Role`], [`TenantId`], and the ready-made [`User`].

pub(crate) mod bytes;
mod email;
pub(crate) mod text;

pub use email::{Email, EmailError};

use core::fmt;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
pub(crate) use text::is_clean;

/// The longest identifier accepted, in characters. RFC 9068 leaves `sub` open; 255 fits every store.
pub const MAX_IDENTIFIER_CHARS: usize = 255;

/// An identifier is empty, too long, or not what it looks like.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a {what} must have 1 to 255 characters, none of them invisible, and no white space at its ends"
)]
pub struct InvalidIdentifier {
    what: &'static str,
}

/// Tells whether `text` can be an identifier: 1 to 255 characters, as [`is_clean`] wants them.
pub(crate) fn is_identifier(text: &str) -> bool {
    // A character has at least one byte, so most need not be counted.
    let is_short =
        text.len() <= MAX_IDENTIFIER_CHARS || text.chars().count() <= MAX_IDENTIFIER_CHARS;
    is_short && is_clean(text)
}

/// What identifiers had to be when stores were filled: 1 to 255 characters, no control characters.
pub(crate) fn is_stored_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    !text.is_empty()
        && chars
            .by_ref()
            .take(MAX_IDENTIFIER_CHARS)
            .all(|c| !c.is_control())
        && chars.next().is_none()
}

/// Text that was seen to be an identifier, where it lies: a [`UserId`] before it is worth an allocation.
#[derive(Clone, Debug)]
pub(crate) struct Identifier<'a>(Cow<'a, str>);

impl<'a> Identifier<'a> {
    pub(crate) fn new(text: Cow<'a, str>) -> Option<Self> {
        is_identifier(&text).then_some(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Identifier<'_>> for UserId {
    fn from(checked: Identifier<'_>) -> Self {
        Self(checked.0.into_owned())
    }
}

macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Checks and wraps a ", $what, ".")]
            ///
            /// # Errors
            /// [`InvalidIdentifier`] if it is empty or longer than 255 characters, has white space at an end, or holds
            /// a character that is invisible, ends a line or changes the direction of others: one of the Unicode
            /// categories Cc, Cf, Zl and Zp, a Hangul filler, or the blank Braille pattern.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidIdentifier> {
                let text = text.into();
                if is_identifier(&text) { Ok(Self(text)) } else { Err(InvalidIdentifier { what: $what }) }
            }

            #[doc = concat!("Wraps a ", $what, " that a store holds already, under weaker rules than [`new`](Self::new).")]
            ///
            /// Only for stores. Rows may have been written before the rules were made stricter, or by another program,
            /// and must stay readable.
            ///
            /// # Errors
            /// [`InvalidIdentifier`] if it is empty, longer than 255 characters, or holds a control character.
            pub fn from_stored(text: impl Into<String>) -> Result<Self, InvalidIdentifier> {
                let text = text.into();
                if is_stored_identifier(&text) { Ok(Self(text)) } else { Err(InvalidIdentifier { what: $what }) }
            }

            #[doc = concat!("The ", $what, " as text.")]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdentifier;
            fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
    };
}

identifier! {
    /// What a user is known by for good: the `sub` of its tokens (RFC 7519 §4.1.2).
    ///
    /// Never an e-mail address: addresses change hands, identifiers don't.
    ///
    /// Letters that look alike are different letters: `anna` in Latin and `аnna` with a Cyrillic `а` are two users.
    /// Where people choose their identifiers, compare them with UTS #39's skeletons before they are created.
    UserId, "user id"
}

identifier! {
    /// The organisation a user belongs to; users of different tenants never see each other.
    TenantId, "tenant id"
}

identifier! {
    /// What a user may do, by name. The application decides what each name means.
    Role, "role"
}

/// A person as the ready-made stores keep it. It holds no password hash: that stays in the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// What the user is known by.
    pub id: UserId,
    /// What the user signs in with, in its one canonical form.
    pub email: Email,
    /// What the user may do, if anything was said.
    pub role: Option<Role>,
    /// The organisation it belongs to, if any.
    pub tenant_id: Option<TenantId>,
    /// When it was created: RFC 3339 text exactly as the store keeps it.
    pub created_at: String,
}

impl User {
    /// Puts a user together, for stores.
    pub fn new(
        id: UserId,
        email: Email,
        role: Option<Role>,
        tenant_id: Option<TenantId>,
        created_at: impl Into<String>,
    ) -> Self {
        Self {
            id,
            email,
            role,
            tenant_id,
            created_at: created_at.into(),
        }
    }
}
