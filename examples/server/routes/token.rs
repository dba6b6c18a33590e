//! `POST /token`: login and password for an access token, in the form of RFC 6749 §4.3 that the original's clients send.
//!
//! It is the sign-in of our own pages, not an OAuth grant for others to use: that grant is gone from OAuth 2.1.

use crate::body;
use crate::edge::Source;
use crate::error::{ApiError, Problem};
use crate::form::{self, Field, Value};
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use portcullis::directory::UserDirectory;
use portcullis::user::{Role, TenantId};
use portcullis::{Credentials, ErrorChain, Refusal};
use serde::Serialize;

/// The largest form, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// What our tokens carry beside the registered claims. Hints for clients: every request reads the user anew.
#[derive(Serialize)]
struct Extra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a TenantId>,
}

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct Answer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

/// Signs somebody in.
pub(crate) async fn sign_in<S: UserDirectory>(
    State(state): State<AppState<S>>,
    Extension(source): Extension<Source>,
    request: Request,
) -> Response {
    match answer(&state, source, request).await {
        Ok(response) => response,
        Err(error) => error.at_token_endpoint(),
    }
}

async fn answer<S: UserDirectory>(
    state: &AppState<S>,
    Source(source): Source,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let kind = form::kind(&parts.headers)?;
    let fields = match kind {
        form::Kind::NoForm => Vec::new(),
        kind => {
            let body = body::read(body, MAX_FORM, state.limits.body).await?;
            form::fields(kind, body).await?
        }
    };
    let (username, password) = login(fields)?;
    let mut credentials = Credentials::new(username, password);
    if let Some(address) = source {
        credentials = credentials.source(address);
    }
    let signed_in = state
        .authenticator
        .sign_in(credentials)
        .await
        .map_err(|error| Refusal::from(&error))?;
    let extra = Extra {
        role: signed_in.user.role.as_ref(),
        tenant_id: signed_in.user.tenant_id.as_ref(),
    };
    let token = state
        .issuer
        .issue_with(&signed_in, &extra)
        .map_err(|error| {
            let error = ErrorChain::new(&error).to_string();
            tracing::error!(error, "no token could be issued");
            ApiError::Internal
        })?;
    Ok(Json(Answer {
        access_token: token.expose(),
        token_type: "bearer",
        expires_in: token.expires_in().as_secs(),
    })
    .into_response())
}

/// The fields of the form that are known, in the order their problems are told.
const GRANT_TYPE: &str = "grant_type";
const USERNAME: &str = "username";
const PASSWORD: &str = "password";
const KNOWN: [&str; 6] = [
    GRANT_TYPE,
    USERNAME,
    PASSWORD,
    "scope",
    "client_id",
    "client_secret",
];

/// Takes login and password out of the form, or lists all that is wrong with it.
fn login(fields: Vec<Field>) -> Result<(String, String), ApiError> {
    let mut problems = repeated(&fields);
    let (mut grant, mut username, mut password) = (None, None, None);
    for Field { name, value } in fields {
        match name.as_str() {
            GRANT_TYPE => grant = Some(value),
            USERNAME => username = Some(value),
            PASSWORD => password = Some(value),
            _ => {}
        }
    }
    // The original's clients send no grant type, and some an empty one.
    match text(grant, GRANT_TYPE, &mut problems) {
        Some(grant) if grant != "password" => problems.push(Problem::unknown_grant()),
        _ => {}
    }
    let username = required(username, USERNAME, &mut problems);
    let password = required(password, PASSWORD, &mut problems);
    match (username, password) {
        (Some(username), Some(password)) if problems.is_empty() => Ok((username, password)),
        _ => Err(ApiError::Invalid(problems)),
    }
}

/// RFC 6749 §3.2: no parameter more than once. Two readers could choose two different ones.
fn repeated(fields: &[Field]) -> Vec<Problem> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    names.sort_unstable();
    let mut twice: Vec<&str> = names
        .windows(2)
        .filter_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        })
        .collect();
    twice.dedup();
    let msg = "Value error, the field must not be given more than once";
    let mut problems: Vec<Problem> = KNOWN
        .into_iter()
        .filter(|name| twice.contains(name))
        .map(|name| Problem::field("value_error", name, msg))
        .collect();
    if problems.is_empty() && !twice.is_empty() {
        problems.push(Problem::body(msg));
    }
    problems
}

/// The text of a field; an empty one counts as none.
fn text(value: Option<Value>, name: &'static str, problems: &mut Vec<Problem>) -> Option<String> {
    match value? {
        Value::Text(text) => Some(text).filter(|text| !text.is_empty()),
        Value::File => {
            problems.push(Problem::not_text(name));
            None
        }
    }
}

fn required(
    value: Option<Value>,
    name: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let before = problems.len();
    let found = text(value, name, problems);
    if found.is_none() && problems.len() == before {
        problems.push(Problem::missing(name));
    }
    found
}
