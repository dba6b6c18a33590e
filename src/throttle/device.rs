//! [`DeviceToken`]: lets a device that signed in before go on when strangers keep failing on the account.

use crate::opaque::ServerSecret;
use crate::secret::secret_text;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

const PREFIX: &str = "pdt_";
const PURPOSE: &str = "device token";

secret_text! {
    /// A device token: `pdt_` and 65 bytes in base64url, which are the server secret's key id, 16 bytes of device id, 32 bytes of
    /// secret and a tag of 16 bytes over these and the login.
    ///
    /// It signs nobody in. A sign-in that sends it is counted for the device alone, so that strangers who keep failing on
    /// the account cannot delay it (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
    ///
    /// One that is forged, expired or of another login counts as none.
    pub struct DeviceToken;
}

/// What a throttle keeps of a device: enough to recognize its token, not enough to make one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Device {
    /// Random, of 16 bytes.
    pub id: [u8; 16],
    /// The SHA-256 of the token's secret.
    pub secret_hash: [u8; 32],
}

impl core::fmt::Debug for Device {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}

impl From<String> for DeviceToken {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for DeviceToken {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl DeviceToken {
    /// Makes a token for a login, in the spelling of [`Attempt::login`](super::Attempt::login). `None` if the operating
    /// system gives no random bytes.
    pub fn issue(secret: &ServerSecret, login: &str) -> Option<(Self, Device)> {
        let mut random = Zeroizing::new([0_u8; 48]);
        aws_lc_rs::rand::fill(&mut *random).ok()?;
        let (id, device_secret) = random.split_first_chunk::<16>()?;
        let (key_id, tag) = secret.newest_tag(PURPOSE, &[&*random, login.as_bytes()])?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(65));
        bytes.push(key_id);
        bytes.extend_from_slice(&*random);
        bytes.extend_from_slice(tag.first_chunk::<16>()?);
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode_to_string(&*bytes));
        let token = Self::from([PREFIX, &encoded].concat());
        Some((token, Device::new(*id, device_secret)))
    }

    /// The device, if the token's tag is good for this login under one of the secrets. Whether the device is still known
    /// is for the throttle to say.
    pub fn verify(&self, secret: &ServerSecret, login: &str) -> Option<Device> {
        let bytes = self.decode()?;
        let (key_id, rest) = bytes.split_first()?;
        let (random, tag) = rest.split_first_chunk::<48>()?;
        let expected = secret.tag_by_id(*key_id, PURPOSE, &[random, login.as_bytes()])?;
        verify_slices_are_equal(expected.first_chunk::<16>()?, tag).ok()?;
        let (id, device_secret) = random.split_first_chunk::<16>()?;
        Some(Device::new(*id, device_secret))
    }

    /// Whether a good token was made under the first secret.
    pub(crate) fn is_current(&self, secret: &ServerSecret) -> bool {
        (self.decode()).is_some_and(|bytes| bytes.first().is_some_and(|id| secret.is_first(*id)))
    }

    fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let encoded = self.expose().strip_prefix(PREFIX)?;
        // 65 bytes take 87 letters; nothing longer is decoded.
        if encoded.len() != 87 {
            return None;
        }
        URL_SAFE_NO_PAD
            .decode_to_vec(encoded)
            .ok()
            .map(Zeroizing::new)
    }
}

impl Device {
    fn new(id: [u8; 16], secret: &[u8]) -> Self {
        let mut secret_hash = [0; 32];
        for (to, from) in secret_hash.iter_mut().zip(digest(&SHA256, secret).as_ref()) {
            *to = *from;
        }
        Self { id, secret_hash }
    }

    /// A device from what a throttle stored.
    pub fn from_stored(id: [u8; 16], secret_hash: [u8; 32]) -> Self {
        Self { id, secret_hash }
    }

    /// Tells whether this is the stored device, in constant time.
    pub fn is(&self, stored: &Self) -> bool {
        self.id == stored.id
            && verify_slices_are_equal(&self.secret_hash, &stored.secret_hash).is_ok()
    }
}
