//! What an attempt is counted under, in the database's words.

use super::legacy::{LegacyNames, LegacySecret};
use crate::opaque::ServerSecret;
use crate::stores::throttle_names;
use crate::throttle::{Attempt, Device};
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;

/// The names of an attempt by kind, under each secret. The first is charged.
#[derive(Serialize)]
pub(super) struct Names {
    pub(super) account: Vec<String>,
    pub(super) all_devices: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) known_address: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) address: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) network: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) legacy: Option<LegacyNames>,
}

impl Names {
    pub(super) fn new(
        secret: &ServerSecret,
        legacy: Option<&LegacySecret>,
        attempt: &Attempt,
    ) -> Self {
        let names = throttle_names::of_attempt(secret, attempt);
        Self {
            account: names.account,
            all_devices: names.all_devices,
            known_address: names.known_address,
            address: names.address,
            network: names.network,
            legacy: legacy.map(|legacy| legacy.names(attempt)),
        }
    }

    /// The counters that the attempt may fall on.
    pub(super) fn candidates(&self, attempt: &Attempt) -> Vec<String> {
        let device = attempt.device.map(|device| DeviceRow::new(&device).id);
        let all_devices = device.is_some().then(|| self.all_devices.first()).flatten();
        [&self.account, &self.known_address, &self.address]
            .into_iter()
            .filter_map(|names| names.first())
            .chain(all_devices)
            .cloned()
            .chain(device)
            .collect()
    }
}

/// A device as its row has it.
#[derive(Serialize)]
pub(super) struct DeviceRow {
    pub(super) id: String,
    secret_hash: String,
}

impl DeviceRow {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            id: URL_SAFE_NO_PAD.encode_to_string(device.id),
            secret_hash: URL_SAFE_NO_PAD.encode_to_string(device.secret_hash),
        }
    }
}
