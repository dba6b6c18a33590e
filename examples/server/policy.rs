//! Who may do what to whom: one table of roles and actions, asked before any row is looked up.

use portcullis::Refusal;
use portcullis::user::{Role, User, UserId};

/// May do everything within its own tenant.
pub(crate) const ADMIN: &str = "admin";

/// The roles a user can be given. No role at all is allowed too.
pub(crate) const ROLES: [&str; 2] = [ADMIN, "member"];

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action<'a> {
    List,
    Create,
    Read(&'a UserId),
    Change(&'a UserId),
    ChangeRole(&'a UserId),
    Delete(&'a UserId),
}

/// How far somebody's arm reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Every user of its own tenant; users of others don't exist for it.
    Tenant,
    /// Itself only.
    Itself,
    Nobody,
}

/// The table.
fn reach(is_admin: bool, action: Action<'_>) -> Reach {
    match (is_admin, action) {
        (true, _) => Reach::Tenant,
        (false, Action::Read(_) | Action::Change(_)) => Reach::Itself,
        (false, Action::List | Action::Create | Action::ChangeRole(_) | Action::Delete(_)) => {
            Reach::Nobody
        }
    }
}

/// Says whether `caller` may do this.
///
/// The answer does not depend on whether the target exists: "forbidden" tells nobody who is there. Users of another
/// tenant are passed on to the store, which finds nobody by that id in the caller's tenant.
pub(crate) fn permit(caller: &User, action: Action<'_>) -> Result<(), Refusal> {
    let target = match action {
        Action::List | Action::Create => None,
        Action::Read(id) | Action::Change(id) | Action::ChangeRole(id) | Action::Delete(id) => {
            Some(id)
        }
    };
    match reach(is_admin(caller), action) {
        Reach::Tenant => Ok(()),
        Reach::Itself if target == Some(&caller.id) => Ok(()),
        Reach::Itself | Reach::Nobody => Err(Refusal::INSUFFICIENT_SCOPE),
    }
}

/// Whether somebody administers its tenant.
pub(crate) fn is_admin(user: &User) -> bool {
    user.role
        .as_ref()
        .is_some_and(|role| role.as_str() == ADMIN)
}

/// The role of that name, if there is one.
pub(crate) fn role(name: &str) -> Option<Role> {
    ROLES
        .contains(&name)
        .then(|| Role::new(name).ok())
        .flatten()
}
