//! Authentication for backends: tokens, passwords and sign-in, strict by default.
//!
//! It issues and verifies tokens (JWT), hashes passwords (Argon2id), signs people in through a store you bring, and
//! protects axum routes. It does not register people, send e-mails, draw pages, or speak OAuth with other parties.
//!
//! ```text
//! a request    Authorization header -> BearerToken -> TokenVerifier -> Claims       who says the token this is
//!                                   -> UserStore   -> CurrentUser   -> handler      is it still there, still active
//!
//! a sign-in    Credentials -> Throttle -> UserStore -> PasswordHasher (off the async threads) -> SignedIn
//!                          -> TokenIssuer -> AccessToken
//! ```
//!
//! # Quick start
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
#![doc = include_str!("../examples/quick_start.rs")]
//! ```
//!
//! Only verifying, without axum and without people, is five lines: see [`TokenVerifier`].
//!
//! # Bring your own store
//!
//! Implement [`UserStore`] for your database: three functions, plain `async fn`. Add
//! [`UserDirectory`](directory::UserDirectory) if people are administered through you. Then let
//! `test_util::conformance` (feature `test-util`) check every promise of the two. Ready-made are
//! [`stores::memory`] and, with the features `sqlite` and `supabase`, `stores::sqlite` and `stores::supabase`. The last
//! one is for any number of servers on one Supabase project (or any PostgREST), and counts failed sign-ins there too.
//!
//! # Defaults
//!
//! | what | default | source |
//! |---|---|---|
//! | token lifetime | 15 minutes, at most 24 hours | RFC 9700 §2.2.2 asks for short ones |
//! | token type | `at+jwt` | RFC 9068 §2.1 |
//! | token id (`jti`) | required of `at+jwt`; 1 to 255 visible characters | RFC 9068 §2.2 |
//! | leeway for `exp` | none, at most 5 minutes | RFC 7519 §4.1.4 |
//! | leeway for `nbf`, `iat` | 5 seconds, at most 5 minutes | RFC 7519 §4.1.5; policy for `iat` |
//! | longest lifetime accepted | 24 hours, at most ten years | policy |
//! | longest token accepted | 8 KiB | what servers take as one header field |
//! | member names in a token's header | at most 32, nested ones included | policy |
//! | memory for verified tokens | none | worth it with asymmetric keys: `TokenVerifierBuilder::cache` |
//! | nesting of claims | 32 levels | policy |
//! | HMAC secrets | at least 32, 48, 64 bytes | RFC 7518 §3.2 |
//! | | 8 different byte values, no key file | CVE-2016-5431, CVE-2022-29217 |
//! | RSA keys | at least 2048 bits | RFC 7518 §3.3 |
//! | Argon2id | m = 19,456 KiB, t = 2, p = 1 | OWASP Password Storage |
//! | stored hashes accepted | m 1 to 256 MiB, t and p 1 to 16, m·t up to 1 GiB | policy |
//! | hashing threads | 2, and a queue of 64 in each of three classes | 2 x 19 MiB of memory; half a second to three seconds of waiting |
//! | sign-ins at one time | 1,024; of one client address 16 | policy |
//! | password length | 15 to 1,024 code points, 1,024 bytes | NIST SP 800-63B-4 §3.1.1.2 |
//! | passwords refused | 16,079 common ones, and patterns: see `PasswordPolicy` | NIST SP 800-63B-4 §3.1.1.2, zxcvbn |
//! | failures of an account, of each known address and device | 10 in a row, then 1 s, 2 s, 4 s … 1 h; 24 h from the 100th | NIST SP 800-63B-4 §3.2.2 |
//! | failures of an address | 100 in 15 minutes | policy |
//! | known addresses of an account | 16, for 30 days after the last use | policy |
//! | devices of an account | 16, for 180 days after the last use | policy |
//! | a call to Supabase | 5 s, reads repeated twice within it, 32 requests in flight | policy |
//! | e-mail address | 254 bytes | RFC 5321 §4.5.3.1.3 |
//! | subject, role, tenant | 1 to 255 characters, none invisible, no white space at an end | policy |
//!
//! Every check is on. What loosens one is a call you can search for: `leeway`, `max_lifetime`, `token_type`,
//! `account_failures`, `address_failures`, `address_window`, `with_min_length`, `from_stored`, `legacy_secret`, `Unthrottled`, `allow_http`,
//! `expose`.
//!
//! # Where things are
//!
//! [`token`] issues and verifies; [`password`] hashes and judges passwords; [`authenticator`] knows the order of a
//! sign-in; [`store`] and [`directory`] are what you implement, [`throttle`], [`offload`], [`event`] and [`clock`] what
//! you may; [`opaque`] holds the secret behind device tokens; [`bearer`] and [`refusal`] speak HTTP without a framework; `extract` speaks axum.
//!
//! [`guides::operating`] runs the example server in production: proxy, TLS, backups, key rotation, trouble.
//! [`guides::sign_in_protection`] says what protects passwords against guessing, what keeps strangers from locking an owner out, and what neither can do.
//!
//! # Errors
//!
//! Each error type says precisely what happened, to you; [`ErrorChain`] writes it to a log with all its causes. What a
//! client is told is in one table: [`Refusal`].
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `axum` | `extract`: `Verified`, `CurrentUser`, `Permitted` for axum 0.8 |
//! | `sqlite` | `stores::sqlite`, on sqlx and tokio: a store, and a throttle in its file |
//! | `supabase` | `stores::supabase`, on reqwest and tokio: a store, a shared throttle, the SQL for the database |
//! | `test-util` | `test_util`: a clock to turn, cheap hashing, the conformance suite |
//!
//! None is on by default, and none changes what the others do.
//!
//! # Testing your application
//!
//! Turn time with `test_util::ManualClock`, hash with `test_util::cheap_hash_params`, keep users in
//! [`stores::memory::MemoryStore`]; sign tokens with a key of
//! [`SigningKey::generate`](token::SigningKey::generate).
//!
//! # Rust versions
//!
//! The core and the feature `supabase` build with Rust 1.88; `sqlite` needs what sqlx needs, 1.94 at present. Raising either, or
//! following a new major version of axum, is a minor release of this crate before 1.0 and is said in the changelog.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod authenticator;
pub mod bearer;
pub mod clock;
pub mod directory;
mod error_chain;
pub mod event;
#[cfg(feature = "axum")]
pub mod extract;
pub mod guides;
pub mod offload;
pub mod opaque;
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
pub use error_chain::ErrorChain;
pub use password::{Password, PasswordHash, PasswordHasher};
pub use refusal::Refusal;
pub use store::{Account, UserStore};
pub use token::{AccessToken, Claims, TokenIssuer, TokenVerifier};
pub use user::UserId;

/// The README's code, compiled and run with the tests.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
