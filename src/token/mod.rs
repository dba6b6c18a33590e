//! Tokens: signed JWTs (RFC 7519) in the compact form (RFC 7515), issued by [`TokenIssuer`], believed by [`TokenVerifier`].
//!
//! A verifier goes from cheap to dear and parses no claim before the signature holds:
//!
//! ```text
//! length -> three parts -> header bytes -> key and algorithm -> signature -> payload -> exp nbf iat iss aud sub
//! ```
//!
//! What the code of this folder refuses goes beyond most libraries: see [`TokenError`] for the list.

mod algorithm;
mod claims;
mod compact;
mod error;
mod header;
mod issuer;
mod key;
mod keyset;
mod refused;
mod registered;
mod revocations;
mod strict;
mod verifier;

pub use algorithm::Algorithm;
pub use claims::{BorrowedClaims, Claims, Scratch};
pub use error::{BuildError, IssueError, TokenError};
pub use issuer::{AccessToken, Subject, TokenIssuer, TokenIssuerBuilder};
pub use key::{KeyError, SigningKey, VerifyingKey};
pub use keyset::KeySet;
pub use refused::{RefusedToken, TokenObserver};
pub use revocations::{Presented, Revocations};
pub use verifier::{TokenVerifier, TokenVerifierBuilder};

/// The type of the tokens issued and accepted by default: access tokens (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
