//! Whom a verified token stands for now: one read of the store, and what it must say.

use super::{Authenticator, CurrentUserError};
use crate::event::Event;
use crate::store::{AccountStatus, UserStore};
use crate::throttle::Throttle;
use crate::token::Claims;
use crate::user::UserId;

/// The user a token's claims name, if it still is the one the token was issued to: there, active, of the token's epoch.
///
/// The store is asked each time, so a change of role, status or password counts on the very next request.
///
/// # Errors
/// [`CurrentUserError`]; `Refusal` turns it into a response.
pub async fn current_user<S: UserStore, E>(
    store: &S,
    claims: &Claims<E>,
) -> Result<S::User, CurrentUserError> {
    still_there(store, claims.subject(), claims.epoch()).await
}

/// The same for claims of any type.
pub(crate) async fn still_there<S: UserStore>(
    store: &S,
    subject: &UserId,
    epoch: u64,
) -> Result<S::User, CurrentUserError> {
    match store.find_by_id(subject).await {
        Ok(Some(account)) if account.status == AccountStatus::Active && account.epoch == epoch => {
            Ok(account.user)
        }
        // Gone, disabled, or the password was changed: one answer, so that nobody learns which.
        Ok(_) => Err(CurrentUserError::Ended),
        Err(error) => Err(CurrentUserError::Unavailable(Box::new(error))),
    }
}

impl<S: UserStore, T: Throttle> Authenticator<S, T> {
    /// The user a token's claims name, as [`current_user`] finds it in the authenticator's store; its observer is told if
    /// the store can't be asked.
    ///
    /// # Errors
    /// [`CurrentUserError`]; `Refusal` turns it into a response.
    pub async fn current_user<E>(&self, claims: &Claims<E>) -> Result<S::User, CurrentUserError> {
        let found = current_user(&self.shared.store, claims).await;
        if let Err(CurrentUserError::Unavailable(error)) = &found {
            let (source, error) = (None, &**error);
            self.shared
                .observer
                .observe(Event::Unavailable { source, error });
        }
        found
    }
}
