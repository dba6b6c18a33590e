//! portcullis (front page: later)

pub mod authenticator;
pub mod bearer;
pub mod clock;
pub mod directory;
pub mod event;
#[cfg(feature = "axum")]
pub mod extract;
pub mod offload;
pub mod password;
pub mod refusal;
mod secret;
pub mod store;
pub mod stores;
#[cfg(feature = "test-util")]
pub mod test_util;
pub mod throttle;
pub mod token;
pub mod user;

pub use authenticator::{Authenticator, Credentials, SignInError, SignedIn};
pub use bearer::BearerToken;
pub use password::{Password, PasswordHash, PasswordHasher};
pub use refusal::Refusal;
pub use store::{Account, UserStore};
pub use token::{AccessToken, Claims, TokenIssuer, TokenVerifier};
pub use user::UserId;
