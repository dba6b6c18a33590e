//! The names under which a database counts failed sign-ins: keyed hashes, so that it learns no login and no address.

use crate::opaque::ServerSecret;
use crate::throttle::Attempt;
use base64_simd::URL_SAFE_NO_PAD;

/// What an attempt is counted under. Each has a name under each server secret: the first is charged, all are looked at.
pub(super) struct Names {
    pub(super) account: Vec<String>,
    /// All devices of the account together.
    pub(super) all_devices: Vec<String>,
    /// The account from this client address; none without an address.
    pub(super) known_address: Vec<String>,
    /// None without a device.
    #[cfg(feature = "sqlite")]
    pub(super) device: Vec<String>,
    /// None without an address.
    pub(super) address: Vec<String>,
    /// The /48 network of an IPv6 address.
    pub(super) network: Vec<String>,
}

pub(super) fn of_attempt(secret: &ServerSecret, attempt: &Attempt) -> Names {
    let names = |kind: &str, parts: &[&[u8]]| -> Vec<String> {
        let parts: Vec<&[u8]> = [kind.as_bytes()]
            .into_iter()
            .chain(parts.iter().copied())
            .collect();
        let tags = secret.tags("throttle name", &parts);
        tags.map(|tag| URL_SAFE_NO_PAD.encode_to_string(tag))
            .collect()
    };
    let login = attempt.login.as_bytes();
    let address = attempt.address.map(|address| address.to_string());
    let network = attempt.network().map(|network| network.to_string());
    let of_address = address.as_ref().map(String::as_bytes);
    Names {
        account: names("account", &[login]),
        all_devices: names("all devices", &[login]),
        known_address: of_address.map_or_else(Vec::new, |address| {
            names("known address", &[login, address])
        }),
        #[cfg(feature = "sqlite")]
        device: (attempt.device).map_or_else(Vec::new, |device| names("device", &[&device.id])),
        address: of_address.map_or_else(Vec::new, |address| names("address", &[address])),
        network: network.map_or_else(Vec::new, |network| names("network", &[network.as_bytes()])),
    }
}
