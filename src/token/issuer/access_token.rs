//! [`AccessToken`]: a token's text on its way to the client.

use core::fmt;
use core::time::Duration;
use zeroize::Zeroize as _;

/// A token just issued. Give it to the client and to nobody else.
#[derive(Clone)]
pub struct AccessToken {
    text: String,
    expires_in: Duration,
}

impl AccessToken {
    /// From text that was written once into memory of its length: growing would have left copies behind.
    pub(super) fn new(text: String, expires_in: Duration) -> Self {
        Self { text, expires_in }
    }

    /// Shows the token. It belongs into the answer to the person who signed in, under `Cache-Control: no-store`.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// How long the token is good for: the `expires_in` of RFC 6749 §5.1, in whole seconds.
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }
}

/// As `Zeroizing<String>` would, but many bytes at a time: that goes one by one, and the wiping took longer than the
/// encoding.
impl Drop for AccessToken {
    fn drop(&mut self) {
        self.text.as_mut_str().zeroize();
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
