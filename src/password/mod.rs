//! Passwords: [`Password`], [`PasswordHash`], [`PasswordHasher`], [`PasswordPolicy`]; [`calibrate`] finds their cost.
//!
//! # What makes hashing faster
//!
//! Little does. Measured with 19 and with 64 MiB on an AMD EPYC (Zen 4), as shares of the time without:
//!
//! - Huge pages: 0.97 and 0.90. This crate asks for none, since that takes `unsafe`; with glibc on Linux the environment can:
//!   `GLIBC_TUNABLES=glibc.malloc.hugetlb=1` brought nothing that could be told from noise with 19 MiB, and 0.94 with 64.
//! - `-C target-cpu=native`: 0.93 and 0.94. AVX2 is found at run time anyway.
//! - More lanes: nothing, they are filled one after the other.

mod arena;
mod calibrate;
mod error;
mod hasher;
mod params;
mod patterns;
mod policy;
mod stored;

pub use calibrate::{Calibration, calibrate};
pub use error::{ParamsError, PasswordError, PolicyError, UnsupportedHash};
pub use hasher::{PasswordHasher, Verdict};
pub use params::HashParams;
pub use policy::PasswordPolicy;
pub use stored::PasswordHash;

use core::fmt;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The longest password, in bytes of UTF-8 once normalised. Argon2 reads all of it, so it must have an end.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// A password as a person typed it: redacted in `Debug`, wiped when dropped.
///
/// The text is brought into Unicode normalisation form KC, once and here, so that a password set on one
/// keyboard and typed on another is the same (NIST SP 800-63B-4 §3.1.1.2). Nothing else is changed: letter
/// case, spaces and NUL count, and nothing is cut off.
///
/// A text of more than [`MAX_PASSWORD_BYTES`] is forgotten at once; what remains is that it was too long. It
/// can't be hashed and is never right.
#[derive(Clone)]
pub struct Password {
    /// `None` if it was oversize.
    text: Option<Zeroizing<String>>,
}

impl Password {
    /// Takes a password as it was typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: normalised(Zeroizing::new(text.into())),
        }
    }

    /// Shows the normalised text; nothing of one that was oversize. Search for calls of this method to review
    /// where passwords go.
    pub fn expose(&self) -> &str {
        self.text().unwrap_or_default()
    }

    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_ref().map(|text| text.as_str())
    }
}

fn normalised(text: Zeroizing<String>) -> Option<Zeroizing<String>> {
    if text.is_ascii() {
        return (text.len() <= MAX_PASSWORD_BYTES).then_some(text);
    }
    // Form KC shortens a text to a quarter of its bytes at the most, so this much work settles it.
    if text.len() > 4 * MAX_PASSWORD_BYTES {
        return None;
    }
    // Of full size from the start: a string that grows leaves unwiped copies behind.
    let mut normal = Zeroizing::new(String::with_capacity(MAX_PASSWORD_BYTES));
    for c in text.nfkc() {
        if normal.len().saturating_add(c.len_utf8()) > MAX_PASSWORD_BYTES {
            return None;
        }
        normal.push(c);
    }
    Some(normal)
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(<redacted>)")
    }
}

impl<T: Into<String>> From<T> for Password {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}
