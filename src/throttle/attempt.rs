//! [`Attempt`]: whom a sign-in is aimed at, where it comes from, and the device it names.

use super::Device;
use crate::user::{self, Email};
use std::net::{IpAddr, Ipv6Addr};
use unicode_normalization::UnicodeNormalization as _;

/// A sign-in attempt in the form that is counted.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The login in one spelling: the canonical e-mail address, or the text trimmed, NFKC-normalized and in lower case.
    ///
    /// Several names or spellings of one account that a store finds beyond this have a counter each.
    pub login: String,
    /// The client's address, if the application knows one it can trust; of IPv6 the /64 prefix, since a single host has
    /// all of it.
    pub address: Option<IpAddr>,
    /// The device whose token was sent, if the token's tag is good for this login.
    pub device: Option<Device>,
    /// Whether the address seems to be a known one of the account, because this process has seen a sign-in from there.
    ///
    /// A throttle may serve such attempts first. It judges by what it has stored.
    pub seems_known: bool,
    /// The spelling that version 0.1 counted the login under, if it is another.
    #[cfg(feature = "supabase")]
    legacy_login: Option<String>,
}

impl Attempt {
    /// Brings a login and a client address into the form that is counted.
    pub fn new(login: &str, address: Option<IpAddr>) -> Self {
        let normalized = normalize(login);
        Self {
            #[cfg(feature = "supabase")]
            legacy_login: Some(legacy_spelling(login)).filter(|legacy| *legacy != normalized),
            login: normalized,
            address: address.map(|address| prefix(address, 64)),
            device: None,
            seems_known: false,
        }
    }

    /// The login as version 0.1 counted it.
    #[cfg(feature = "supabase")]
    pub(crate) fn legacy_login(&self) -> &str {
        self.legacy_login.as_deref().unwrap_or(&self.login)
    }

    /// Names the device.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.device = Some(device);
        self
    }

    /// The /48 network of an IPv6 address: what a provider gives one customer. IPv4 addresses have none.
    pub fn network(&self) -> Option<IpAddr> {
        let address = self.address.filter(IpAddr::is_ipv6)?;
        Some(prefix(address, 48))
    }
}

/// Somebody may have typed a password as the login: it is not shown.
impl core::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Attempt")
            .field("address", &self.address)
            .field("has_device", &self.device.is_some())
            .finish_non_exhaustive()
    }
}

/// Compatibility forms and letter case make no other login: a store with a folding collation would find one account by all.
fn normalize(login: &str) -> String {
    if let Ok(email) = Email::parse(login) {
        return email.into();
    }
    let bounded = login.trim().chars().take(user::MAX_IDENTIFIER_CHARS);
    let lower: String = bounded.nfkc().flat_map(char::to_lowercase).collect();
    lower.nfkc().collect()
}

/// What version 0.1 made of a login: compatibility forms stay apart.
#[cfg(feature = "supabase")]
fn legacy_spelling(login: &str) -> String {
    if let Ok(email) = Email::parse(login) {
        return email.into();
    }
    let bounded = login.trim().chars().take(user::MAX_IDENTIFIER_CHARS);
    bounded.collect::<String>().to_lowercase()
}

fn prefix(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let host_bits = 128_u32.saturating_sub(bits);
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}
