//! What may stand in the body of `POST /users` and `PATCH /users/{user_id}`, field by field.
//!
//! Only these fields are taken; `id`, `tenant_id` and whatever else a body holds are dropped, so nobody can set them.

use crate::error::{ApiError, Problem};
use crate::json::{Object, Value};
use crate::policy::{self, ROLES};
use portcullis::Password;
use portcullis::password::{MAX_PASSWORD_BYTES, PasswordPolicy, PolicyError};
use portcullis::user::{Email, Role, User};

/// The fields of a new user.
#[derive(Debug)]
pub(crate) struct NewFields {
    pub(crate) email: Email,
    pub(crate) role: Option<Role>,
    pub(crate) password: Password,
}

/// The fields to change; what is `None` stays.
pub(crate) struct ChangedFields {
    pub(crate) email: Option<Email>,
    /// `Some(None)` takes the role away.
    #[expect(
        clippy::option_option,
        reason = "three cases, as in the library's `UserChanges`"
    )]
    pub(crate) role: Option<Option<Role>>,
    pub(crate) password: Option<Password>,
    /// There exactly if it has to be checked.
    pub(crate) current_password: Option<String>,
}

/// Reads a new user, or lists all that is wrong with it.
pub(crate) fn new_user(mut object: Object, policy: &PasswordPolicy) -> Result<NewFields, ApiError> {
    let mut problems = Vec::new();
    let email = required(&mut object, EMAIL, &mut problems)
        .and_then(|text| email(&text).map_err(|problem| problems.push(problem)).ok());
    let role = role(object.take(ROLE)).map_err(|problem| problems.push(problem));
    let context = email.as_ref().map(Email::as_str);
    let password = required(&mut object, PASSWORD, &mut problems).and_then(|text| {
        new_password(text, policy, context.as_slice())
            .map_err(|problem| problems.push(problem))
            .ok()
    });
    match (email, role, password) {
        (Some(email), Ok(role), Some(password)) => Ok(NewFields {
            email,
            role,
            password,
        }),
        _ => Err(ApiError::Invalid(problems)),
    }
}

/// Reads changes, or lists all that is wrong with them.
///
/// `own` says that the caller changes itself: for a new password or address it must then give its current password,
/// or whoever finds a browser open could take the account over for good.
pub(crate) fn changes(
    mut object: Object,
    own: bool,
    policy: &PasswordPolicy,
    caller: &User,
) -> Result<ChangedFields, ApiError> {
    let mut problems = Vec::new();
    let (has_email, has_role, has_password) =
        (object.has(EMAIL), object.has(ROLE), object.has(PASSWORD));
    if !(has_email || has_role || has_password) {
        let msg = "Value error, no fields to update";
        return Err(Problem::body(msg).into());
    }
    let email = optional(&mut object, EMAIL, &mut problems)
        .and_then(|text| email(&text).map_err(|problem| problems.push(problem)).ok());
    let role = has_role.then(|| {
        role(object.take(ROLE))
            .map_err(|problem| problems.push(problem))
            .unwrap_or_default()
    });
    let mut context: Vec<&str> = email.as_ref().map(Email::as_str).into_iter().collect();
    if own {
        context.push(caller.email.as_str());
    }
    let password = optional(&mut object, PASSWORD, &mut problems).and_then(|text| {
        new_password(text, policy, &context)
            .map_err(|problem| problems.push(problem))
            .ok()
    });
    let needed = own && (has_email || has_password);
    if needed && !object.has(CURRENT_PASSWORD) {
        problems.push(Problem::missing(CURRENT_PASSWORD));
    }
    // Validated wherever it is given, as the OpenAPI document declares it; used only where it is needed.
    let current_password = optional(&mut object, CURRENT_PASSWORD, &mut problems)
        .and_then(|text| {
            current_password_of_valid_length(text)
                .map_err(|problem| problems.push(problem))
                .ok()
        })
        .filter(|_| needed);
    if problems.is_empty() {
        Ok(ChangedFields {
            email,
            role,
            password,
            current_password,
        })
    } else {
        Err(ApiError::Invalid(problems))
    }
}

const EMAIL: &str = "email";
const ROLE: &str = "role";
const PASSWORD: &str = "password";
const CURRENT_PASSWORD: &str = "current_password";

fn required(
    object: &mut Object,
    name: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    if !object.has(name) {
        problems.push(Problem::missing(name));
    }
    optional(object, name, problems)
}

/// A text, or nothing. `null` is no text: a password must not be taken away by it.
fn optional(
    object: &mut Object,
    name: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    match object.take(name)? {
        Value::Text(text) => Some(text),
        Value::Null | Value::Other => {
            problems.push(Problem::not_text(name));
            None
        }
    }
}

fn email(text: &str) -> Result<Email, Problem> {
    Email::parse(text).map_err(|error| {
        Problem::field(
            "value_error",
            EMAIL,
            format!("value is not a valid email address: {error}"),
        )
    })
}

/// Absent and `null` are both "no role".
fn role(value: Option<Value>) -> Result<Option<Role>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Other) => Err(Problem::not_text(ROLE)),
        Some(Value::Text(name)) => policy::role(&name).map(Some).ok_or_else(|| {
            let expected = ROLES.map(|role| format!("'{role}'")).join(" or ");
            Problem::field("enum", ROLE, format!("Input should be {expected}"))
                .context(serde_json::json!({ "expected": expected }))
        }),
    }
}

/// Checks the length of a current password: an empty one, or one too long to be hashed, is never right.
fn current_password_of_valid_length(text: String) -> Result<String, Problem> {
    match text.chars().count() {
        0 => Err(too_short(CURRENT_PASSWORD, 1)),
        1..=MAX_PASSWORD_BYTES => Ok(text),
        _ => Err(too_long(CURRENT_PASSWORD, MAX_PASSWORD_BYTES)),
    }
}

fn too_short(name: &'static str, min: usize) -> Problem {
    let msg = match min {
        1 => "String should have at least 1 character".to_owned(),
        min => format!("String should have at least {min} characters"),
    };
    Problem::field("string_too_short", name, msg).context(serde_json::json!({ "min_length": min }))
}

fn too_long(name: &'static str, max: usize) -> Problem {
    let msg = format!("String should have at most {max} characters");
    Problem::field("string_too_long", name, msg).context(serde_json::json!({ "max_length": max }))
}

fn new_password(
    text: String,
    policy: &PasswordPolicy,
    context: &[&str],
) -> Result<Password, Problem> {
    if text.contains('\0') {
        let msg = "Value error, null characters are not allowed";
        return Err(Problem::field("value_error", PASSWORD, msg));
    }
    let password = Password::new(text);
    policy
        .check(&password, context)
        .map(|()| password)
        .map_err(|error| match error {
            PolicyError::TooShort { min, .. } => too_short(PASSWORD, min),
            PolicyError::TooLong { max, .. } => too_long(PASSWORD, max),
            error => Problem::field("value_error", PASSWORD, format!("Value error, {error}")),
        })
}
