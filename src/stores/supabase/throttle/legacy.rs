//! What version 0.1 called the counters of an attempt. For one release, so that an upgrade forgets nothing.

use crate::throttle::Attempt;
use aws_lc_rs::hmac;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;

/// The secret under which 0.1 hashed names.
pub(super) struct LegacySecret(hmac::Key);

/// The keys of 0.1's rows, by the kinds of today.
#[derive(Serialize)]
pub(super) struct LegacyNames {
    pub(super) account: String,
    /// The row of a known address has the same key behind `familiar `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) known_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl LegacySecret {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    pub(super) fn names(&self, attempt: &Attempt) -> LegacyNames {
        let login = attempt.legacy_login();
        let address = attempt.address.map(|address| address.to_string());
        let address = address.as_deref();
        LegacyNames {
            account: self.name("account", &[login]),
            known_address: address.map(|address| self.name("pair", &[login, address])),
            address: address.map(|address| self.name("address", &[address])),
        }
    }

    /// Each part is followed by a byte that no text has, so that no two lists of parts have the same name.
    fn name(&self, kind: &str, parts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in ["portcullis throttle", kind].iter().chain(parts) {
            context.update(part.as_bytes());
            context.update(&[0xff]);
        }
        let tag = URL_SAFE_NO_PAD.encode_to_string(context.sign());
        format!("{kind} {tag}")
    }
}
