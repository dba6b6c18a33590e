//! Every public type can be shared between threads, and those made at each request are small.

use portcullis::authenticator::{AuthenticatorBuilder, CurrentUserError, HashError};
use portcullis::bearer::{BearerError, Challenge};
use portcullis::clock::SystemClock;
use portcullis::directory::{DirectoryError, Listing, NewUser, Page, UserChanges};
use portcullis::event::{Event, RefusedBecause, Unobserved};
use portcullis::extract::{CurrentUser, Permitted, Rejection, Requirement, Verified};
use portcullis::offload::{HashPool, Inline, Lost};
use portcullis::password::{
    Calibration, HashParams, ParamsError, PasswordError, PasswordPolicy, PolicyError,
    UnsupportedHash, Verdict,
};
use portcullis::store::{AccountStatus, Outage};
use portcullis::stores::memory::{MemoryError, MemoryStore};
use portcullis::stores::sqlite::{SqliteCharge, SqliteError, SqliteStore, SqliteThrottle};
use portcullis::stores::supabase::{
    self, CheckError, ImportError, Imported, Progress, Schema, SupabaseError, SupabaseKey,
    SupabaseStore, SupabaseStoreBuilder, SupabaseThrottle,
};
use portcullis::test_util::ManualClock;
use portcullis::test_util::conformance::{Broken, Seed};
use portcullis::throttle::{Attempt, MemoryThrottle, ThrottleError, Unthrottled};
use portcullis::token::{
    AccessToken, Algorithm, BorrowedClaims, BuildError, IssueError, KeyError, KeySet, Presented,
    RefusedToken, Scratch, SigningKey, Subject, TokenError, TokenIssuerBuilder,
    TokenVerifierBuilder, VerifyingKey,
};
use portcullis::user::{Email, EmailError, InvalidIdentifier, Role, TenantId, User, UserId};
use portcullis::{
    Account, Authenticator, BearerToken, Claims, Credentials, Password, PasswordHash,
    PasswordHasher, Refusal, SignInError, SignedIn, TokenIssuer, TokenVerifier,
};

struct Anyone;

impl Requirement for Anyone {
    type Extra = ();
    fn is_met(_: &Claims) -> bool {
        true
    }
}

fn shared<T: Send + Sync + 'static>() {}
fn error<T: core::error::Error + Send + Sync + 'static>() {}

macro_rules! each {
    ($check:ident: $($name:ty),+ $(,)?) => { $($check::<$name>();)+ };
}

#[test]
fn every_type_can_be_sent_and_shared() {
    each!(shared:
        AccessToken, Account<User>, AccountStatus, Algorithm, Attempt, Authenticator<MemoryStore>,
        AuthenticatorBuilder<MemoryStore>, BearerToken<'static>, BorrowedClaims<'static>, Calibration, Challenge, Claims,
        Credentials,
        CurrentUser<MemoryStore>, CurrentUser<SqliteStore>, CurrentUser<SupabaseStore>, Email, HashParams, HashPool,
        Imported, Inline, KeySet, Listing, Progress, Schema, SupabaseKey, SupabaseStore, SupabaseStoreBuilder,
        SupabaseThrottle,
        ManualClock, MemoryStore, MemoryThrottle, NewUser, Page, Password, PasswordHash, PasswordHasher,
        PasswordPolicy, Permitted<Anyone>, Presented<'static>, Refusal, RefusedBecause, RefusedToken<'static>, Rejection, Role, Scratch, Seed, SignedIn<User>, SigningKey,
        SqliteCharge, SqliteStore, SqliteThrottle, Subject<'static>, SystemClock, TenantId, TokenIssuer, TokenIssuerBuilder, TokenVerifier,
        TokenVerifierBuilder, Unobserved, Unthrottled, User, UserChanges, UserId, Verdict, Verified, VerifyingKey,
    );
}

#[test]
fn every_error_can_be_boxed_and_sent() {
    each!(error:
        BearerError, Broken, BuildError, CheckError, CurrentUserError, DirectoryError<MemoryError>,
        DirectoryError<SqliteError>, DirectoryError<SupabaseError>, EmailError, HashError, ImportError<HashError>,
        InvalidIdentifier, IssueError, KeyError, Lost, MemoryError, Outage, ParamsError, PasswordError,
        PolicyError, SignInError, SqliteError, SupabaseError, supabase::BuildError, ThrottleError, TokenError, UnsupportedHash,
    );
}

#[test]
fn the_types_of_a_request_are_small() {
    for (name, bytes, most) in [
        ("BearerToken", size_of::<BearerToken<'_>>(), 16),
        ("BearerError", size_of::<BearerError>(), 1),
        (
            "Result<BearerToken, BearerError>",
            size_of::<Result<BearerToken<'_>, BearerError>>(),
            24,
        ),
        ("Challenge", size_of::<Challenge>(), 1),
        ("Claims", size_of::<Claims>(), 96),
        (
            "Result<Claims, TokenError>",
            size_of::<Result<Claims, TokenError>>(),
            96,
        ),
        ("TokenError", size_of::<TokenError>(), 24),
        ("TokenVerifier", size_of::<TokenVerifier>(), 8),
        ("TokenIssuer", size_of::<TokenIssuer>(), 8),
        ("Authenticator", size_of::<Authenticator<MemoryStore>>(), 8),
        ("MemoryStore", size_of::<MemoryStore>(), 8),
        ("SqliteStore", size_of::<SqliteStore>(), 16),
        ("SupabaseStore", size_of::<SupabaseStore>(), 8),
        ("SupabaseError", size_of::<SupabaseError>(), 64),
        ("Refusal", size_of::<Refusal>(), 64),
        ("Rejection", size_of::<Rejection>(), 72),
        ("Verified", size_of::<Verified>(), 96),
        ("SignInError", size_of::<SignInError>(), 24),
        ("Verdict", size_of::<Verdict>(), 1),
        ("Event", size_of::<Event<'_>>(), 48),
    ] {
        assert!(bytes <= most, "{name} has {bytes} bytes, more than {most}");
    }
}
