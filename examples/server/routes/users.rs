//! `/users` and `/users/{user_id}`: list, create, read, change, delete, each within the caller's tenant.
//!
//! The order of every handler: the id in the path (422), then the policy (403), then the body.

use crate::body;
use crate::client_address::Source;
use crate::error::{ApiError, store_down};
use crate::guard::Caller;
use crate::json::{self, Object};
use crate::policy::{Action, permit};
use crate::query;
use crate::state::AppState;
use crate::user_input::{self, NewFields};
use axum::extract::{FromRequestParts, Path, RawQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use portcullis::authenticator::{HashError, SignInError};
use portcullis::directory::{NewUser, UserChanges, UserDirectory};
use portcullis::throttle::Forget;
use portcullis::user::{Email, Role, TenantId, User};
use portcullis::{Credentials, Password, PasswordHash, Refusal, UserId};
use serde::Serialize;
use std::sync::Arc;

/// A user on the wire, its keys in the original's order. There is no password in it to leak.
#[derive(Serialize)]
pub(crate) struct Profile<'a> {
    email: &'a str,
    role: Option<&'a Role>,
    id: &'a UserId,
    tenant_id: Option<&'a TenantId>,
    created_at: &'a str,
}

impl<'a> From<&'a User> for Profile<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            email: user.email.as_str(),
            role: user.role.as_ref(),
            id: &user.id,
            tenant_id: user.tenant_id.as_ref(),
            created_at: &user.created_at,
        }
    }
}

/// The id in the path: a hyphenated UUID, and nothing else ever reaches a store.
pub(crate) struct TargetId(UserId);

impl<S: Send + Sync> FromRequestParts<S> for TargetId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Path::<String>::from_request_parts(parts, state)
            .await
            .ok()
            .and_then(|Path(text)| query::uuid(&text))
            .map(Self)
            .ok_or_else(|| query::no_uuid().into())
    }
}

/// Lists the users of the caller's tenant.
pub(crate) async fn list<S: UserDirectory>(
    State(state): State<AppState<S>>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    permit(&caller, Action::List)?;
    let page = query::page(query.as_deref().unwrap_or_default())?;
    let listing = state
        .users
        .list(caller.tenant_id.as_ref(), page)
        .await
        .map_err(|error| store_down(&error))?;
    let users: Vec<Profile<'_>> = listing.users.iter().map(Profile::from).collect();
    let total = [(
        HeaderName::from_static("x-total-count"),
        HeaderValue::from(listing.total),
    )];
    Ok((total, Json(users)).into_response())
}

/// Creates a user in the caller's tenant, whatever tenant the body names.
pub(crate) async fn create<S: UserDirectory>(
    State(state): State<AppState<S>>,
    Caller(caller): Caller,
    request: Request,
) -> Result<Response, ApiError> {
    permit(&caller, Action::Create)?;
    let object = read_object(&state, request).await?;
    let NewFields {
        email,
        role,
        password,
    } = user_input::new_user(object, &state.password_policy)?;
    let mut new = NewUser::new(email);
    new.role = role;
    new.tenant_id.clone_from(&caller.tenant_id);
    new.password_hash = Some(hash(&state, &caller, password).await?);
    let users = Arc::clone(&state.users);
    let created = state.run_to_end(async move {
        let user = users.create(new).await?;
        tracing::info!(user = user.id.as_str(), "user created");
        Ok(user)
    });
    let user = created.await?;
    let mut response = (StatusCode::CREATED, Json(Profile::from(&user))).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("{}/users/{}", state.base_path, user.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Shows one user.
pub(crate) async fn read<S: UserDirectory>(
    State(state): State<AppState<S>>,
    Caller(caller): Caller,
    TargetId(id): TargetId,
) -> Result<Response, ApiError> {
    permit(&caller, Action::Read(&id))?;
    if id == caller.id {
        return Ok(Json(Profile::from(&caller)).into_response());
    }
    let account = state
        .users
        .find_by_id(&id)
        .await
        .map_err(|error| store_down(&error))?
        // Another tenant's user is answered as nobody at all.
        .filter(|account| account.user.tenant_id == caller.tenant_id)
        .ok_or(ApiError::NoSuchUser)?;
    Ok(Json(Profile::from(&account.user)).into_response())
}

/// Changes one user.
pub(crate) async fn change<S: UserDirectory>(
    State(state): State<AppState<S>>,
    Caller(caller): Caller,
    TargetId(id): TargetId,
    Extension(Source(source)): Extension<Source>,
    request: Request,
) -> Result<Response, ApiError> {
    permit(&caller, Action::Change(&id))?;
    let object = read_object(&state, request).await?;
    if object.has("role") {
        // Before anything else in the body is looked at: whoever may not do this learns nothing about the rest.
        permit(&caller, Action::ChangeRole(&id))?;
    }
    let own = id == caller.id;
    let fields = user_input::changes(object, own, &state.password_policy, &caller)?;
    let mut changes = UserChanges::default();
    if let Some(current) = fields.current_password {
        prove(&state, &caller, current, source).await?;
    }
    if let Some(password) = fields.password {
        changes.password_hash = Some(hash(&state, &caller, password).await?);
    }
    changes.email = fields.email;
    changes.role = fields.role;
    // The owner's own new password ends device tokens, and leaves the addresses known.
    let forgets = changes.email.is_some() || (changes.password_hash.is_some() && !own);
    let before = if forgets {
        email_of(&state, &caller, &id).await?
    } else {
        None
    };
    let shared = state.clone();
    let updated = state.run_to_end(async move {
        let keep = changes.role.is_some().then_some(&shared.admin);
        let tenant = caller.tenant_id.as_ref();
        let user = shared.users.update(tenant, &id, changes, keep).await?;
        tracing::info!(user = user.id.as_str(), "user changed");
        if let Some(before) = before {
            forget(&shared, &id, &[before.as_str(), user.email.as_str()]).await;
        }
        Ok(user)
    });
    let user = updated.await?;
    Ok(Json(Profile::from(&user)).into_response())
}

/// Deletes one user.
pub(crate) async fn delete<S: UserDirectory>(
    State(state): State<AppState<S>>,
    Caller(caller): Caller,
    TargetId(id): TargetId,
) -> Result<Response, ApiError> {
    permit(&caller, Action::Delete(&id))?;
    let email = email_of(&state, &caller, &id).await?;
    let shared = state.clone();
    let deleted = state.run_to_end(async move {
        let (tenant, keep) = (caller.tenant_id.as_ref(), Some(&shared.admin));
        shared.users.delete(tenant, &id, keep).await?;
        tracing::info!(user = id.as_str(), "user deleted");
        if let Some(email) = email {
            forget(&shared, &id, &[email.as_str()]).await;
        }
        Ok(())
    });
    deleted.await?;
    Ok(Json(serde_json::json!({ "message": "User deleted successfully" })).into_response())
}

/// Hashes a password for the caller, who does not wait behind strangers.
async fn hash<S: UserDirectory>(
    state: &AppState<S>,
    caller: &User,
    password: Password,
) -> Result<PasswordHash, HashError> {
    (state.authenticator.hash_password_of(&caller.id, password)).await
}

/// The e-mail address of a user of the caller's tenant.
async fn email_of<S: UserDirectory>(
    state: &AppState<S>,
    caller: &User,
    id: &UserId,
) -> Result<Option<Email>, ApiError> {
    let found = (state.users.find_by_id(id).await).map_err(|error| store_down(&error))?;
    let of_tenant = found.filter(|account| account.user.tenant_id == caller.tenant_id);
    Ok(of_tenant.map(|account| account.user.email))
}

/// Forgets failures, known addresses and devices: whoever signs in next may be somebody else.
async fn forget<S: UserDirectory>(state: &AppState<S>, id: &UserId, logins: &[&str]) {
    let forgotten = state.authenticator.forgive(id, logins, Forget::Everything);
    if let Err(error) = forgotten.await {
        // The change is made, and an old device token is void without this; a delay may last.
        let cause = core::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(user = ?id.as_str(), ?cause, "failed sign-ins not forgotten");
    }
}

async fn read_object<S: UserDirectory>(
    state: &AppState<S>,
    request: Request,
) -> Result<Object, ApiError> {
    let (parts, body) = request.into_parts();
    let body = body::read(body, body::LARGEST, state.limits.body).await?;
    json::object(&parts.headers, &body)
}

/// Lets the caller prove that it still is who signed in, before it changes what it signs in with.
///
/// Through the sign-in itself, so that whoever found an open session can't guess more often here than there.
async fn prove<S: UserDirectory>(
    state: &AppState<S>,
    caller: &User,
    password: String,
    source: Option<std::net::IpAddr>,
) -> Result<(), ApiError> {
    let mut credentials = Credentials::new(caller.email.as_str(), password);
    if let Some(address) = source {
        credentials = credentials.source(address);
    }
    match state.authenticator.sign_in(credentials).await {
        Ok(proven) if proven.id == caller.id => Ok(()),
        // Disabled, or the address given to somebody else, since the token was checked.
        Ok(_) | Err(SignInError::Disabled) => Err(Refusal::INVALID_TOKEN.into()),
        Err(SignInError::InvalidCredentials) => Err(ApiError::WrongCurrentPassword),
        Err(error) => Err(Refusal::from(&error).into()),
    }
}
