//! What a verified hash and the account that was found say together.

use crate::event::RefusedBecause;
use crate::password::{Password, PasswordHash, PasswordHasher, Verdict};
use crate::store::{Account, AccountStatus};
use crate::throttle::Counter;

/// Whether the device that an attempt was counted for is one of the account that was found.
pub(super) fn belongs<U>(counter: &Counter, found: Option<&Account<U>>) -> bool {
    match counter {
        Counter::Device {
            account,
            token_version,
        } => found.is_some_and(|found| found.id == *account && found.epoch == *token_version),
        _ => true,
    }
}

/// Verifies a password against a hash, or does the same work for nobody.
pub(super) fn verify(
    hasher: &PasswordHasher,
    password: Password,
    hash: Option<&PasswordHash>,
) -> (Verdict, Password) {
    let verdict = match hash {
        Some(hash) => hasher.verify(&password, hash),
        None => hasher.verify_decoy(&password),
    };
    (verdict, password)
}

/// Decides whether an account may be signed in to; if not, why, and the account.
pub(super) fn judge<U>(
    account: Option<Account<U>>,
    verdict: Verdict,
) -> Result<Account<U>, (RefusedBecause, Option<Account<U>>)> {
    let Some(account) = account else {
        return Err((RefusedBecause::UnknownLogin, None));
    };
    let reason = match verdict {
        _ if account.password_hash.is_none() => RefusedBecause::NoPassword,
        Verdict::Unusable => RefusedBecause::UnusableHash,
        Verdict::Mismatch | Verdict::Failed => RefusedBecause::WrongPassword,
        // Only now, after proof: "disabled" tells a stranger nothing.
        _ if account.status != AccountStatus::Active => RefusedBecause::Disabled,
        Verdict::Match | Verdict::Outdated => return Ok(account),
    };
    Err((reason, Some(account)))
}
