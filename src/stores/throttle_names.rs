//! The names under which a database counts failed sign-ins: keyed hashes, so that it learns no login and no address.

use crate::opaque::ServerSecret;
use crate::throttle::{Attempt, Device};
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;

/// What an attempt is counted under, by one server secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Names {
    pub(super) account: String,
    /// All devices of the account together.
    pub(super) all_devices: String,
    /// The account from this client address.
    pub(super) known_address: Option<String>,
    pub(super) device: Option<String>,
    pub(super) address: Option<String>,
    /// The /48 network of an IPv6 address.
    pub(super) network: Option<String>,
}

/// The names of an attempt under each secret: those of the first are charged, all are looked at.
pub(super) fn of_attempt(secret: &ServerSecret, attempt: &Attempt) -> Vec<Names> {
    let login = attempt.login.as_bytes();
    let address = attempt.address.map(|address| address.to_string());
    let address = address.as_deref().map(str::as_bytes);
    let network = attempt.network().map(|network| network.to_string());
    let device = attempt.device.map(|device: Device| device.id);
    let names = |kind: &str, parts: &[&[u8]]| -> Vec<String> {
        let parts: Vec<&[u8]> = [kind.as_bytes()]
            .into_iter()
            .chain(parts.iter().copied())
            .collect();
        let tags = secret.tags("throttle name", &parts);
        tags.map(|tag| URL_SAFE_NO_PAD.encode_to_string(tag))
            .collect()
    };
    let optional = |kind: &str, part: Option<&[u8]>| part.map(|part| names(kind, &[part]));
    let known_addresses = address.map(|address| names("known address", &[login, address]));
    let devices = optional("device", device.as_ref().map(<[u8; 16]>::as_slice));
    let addresses = optional("address", address);
    let networks = optional("network", network.as_deref().map(str::as_bytes));
    let of = |names: &Option<Vec<String>>, at: usize| names.as_ref()?.get(at).cloned();
    names("account", &[login])
        .into_iter()
        .zip(names("all devices", &[login]))
        .enumerate()
        .map(|(at, (account, all_devices))| Names {
            account,
            all_devices,
            known_address: of(&known_addresses, at),
            device: of(&devices, at),
            address: of(&addresses, at),
            network: of(&networks, at),
        })
        .collect()
}
