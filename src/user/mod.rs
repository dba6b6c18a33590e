//! Who a person is: [`UserId`], [`Email`], [`Role`], [`TenantId`], and the ready-made [`User`].

mod email;
pub(crate) mod text;

pub use email::{Email, EmailError};

use core::fmt;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest identifier accepted, in characters. RFC 9068 leaves `sub` open; 255 fits every store.
pub const MAX_IDENTIFIER_CHARS: usize = 255;

/// An identifier is empty, too long, or holds a control character.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a {what} must have 1 to 255 characters and no control characters")]
pub struct InvalidIdentifier {
    what: &'static str,
}

/// Tells whether `text` can be an identifier: 1 to 255 characters, no control characters.
fn is_identifier(text: &str) -> bool {
    // Without a branch inside, so that the compiler looks at many bytes at a time.
    let is_other = |found, byte| found | u8::from(!(b' '..=b'~').contains(&byte));
    if text.bytes().fold(0, is_other) == 0 {
        // Nearly always: every byte is a character, and none a control.
        return (1..=MAX_IDENTIFIER_CHARS).contains(&text.len());
    }
    text.chars().count() <= MAX_IDENTIFIER_CHARS && !text.chars().any(char::is_control)
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
            /// [`InvalidIdentifier`] if it is empty, longer than 255 characters, or holds a control character.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidIdentifier> {
                let text = text.into();
                if is_identifier(&text) { Ok(Self(text)) } else { Err(InvalidIdentifier { what: $what }) }
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
