//! [`Credentials`]: what a person typed to sign in, and [`SignedIn`]: who they proved to be.

use crate::password::Password;
use crate::throttle::DeviceToken;
use crate::token::Subject;
use crate::user::UserId;
use core::fmt;
use std::net::IpAddr;

/// What a person typed to sign in, and where it came from. Spent by [`Authenticator::sign_in`](super::Authenticator::sign_in).
pub struct Credentials {
    pub(super) login: String,
    pub(super) password: Password,
    pub(super) source: Option<IpAddr>,
    pub(super) device_token: Option<DeviceToken>,
}

impl Credentials {
    /// A login (an e-mail address, a user name) and a password.
    pub fn new(login: impl Into<String>, password: impl Into<Password>) -> Self {
        Self {
            login: login.into(),
            password: password.into(),
            source: None,
            device_token: None,
        }
    }

    /// Says which address the attempt came from, so that guesses are counted per address too, and an address that the
    /// account was signed in from before is not delayed by what strangers do elsewhere.
    ///
    /// Take it from the connection. A header such as `X-Forwarded-For` can be believed only as far as your own
    /// proxies wrote it. Default: none: then there are no known addresses and no limits per address, and only a device
    /// token helps an owner whom strangers keep out.
    #[must_use]
    pub fn source(mut self, address: IpAddr) -> Self {
        self.source = Some(address);
        self
    }

    /// Sends the device token that an earlier sign-in gave, and asks for a new one if it is not good any more, as an empty text does. Without
    /// it no token is given. See [`DeviceToken`].
    #[must_use]
    pub fn device_token(mut self, token: impl Into<DeviceToken>) -> Self {
        self.device_token = Some(token.into());
        self
    }

    /// Asks for a device token ([`SignedIn::device_token`]), unless one is sent that is still good.
    #[must_use]
    pub fn remember_device(mut self) -> Self {
        self.device_token
            .get_or_insert_with(|| DeviceToken::from(""));
        self
    }
}

/// The login is hidden too: people type passwords into it.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("source", &self.source)
            .field("device_token", &self.device_token)
            .finish_non_exhaustive()
    }
}

/// A user who proved their identity. Give it to `TokenIssuer::issue`, or start a session of your own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedIn<U> {
    /// The user's id.
    pub id: UserId,
    /// The application's own type.
    pub user: U,
    /// The account's epoch, which goes into tokens so that a change of password ends them.
    pub epoch: u64,
    /// A new device token, if one was asked for and none that is still good was sent, or the one that was sent is of an older
    /// [`ServerSecret`](crate::opaque::ServerSecret). The client keeps it and sends it
    /// with its next sign-ins ([`Credentials::device_token`]); it signs nobody in.
    pub device_token: Option<DeviceToken>,
}

impl<'a, U> From<&'a SignedIn<U>> for Subject<'a> {
    fn from(signed_in: &'a SignedIn<U>) -> Self {
        Self::from(&signed_in.id).epoch(signed_in.epoch)
    }
}
