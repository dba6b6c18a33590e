//! What stands in the address: the id of a user, and which part of a list is wanted.

use crate::error::{ApiError, Place, Problem};
use portcullis::UserId;
use portcullis::directory::Page;

/// How many users a list gives if nothing is said, and how many at the most.
const DEFAULT_LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1000;

/// How far a list can be skipped: as far as any database counts.
const MAX_OFFSET: u64 = i64::MAX.unsigned_abs();

/// Reads a UUID in its hyphenated form, of any case, into the one spelling the stores use.
pub(crate) fn uuid(text: &str) -> Option<UserId> {
    // Braced, bare and URN forms have other lengths.
    let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
    let parsed = hyphenated
        .then(|| uuid::Uuid::try_parse(text).ok())
        .flatten()?;
    UserId::new(parsed.hyphenated().to_string()).ok()
}

/// What to answer to anything else.
pub(crate) fn no_uuid() -> Problem {
    let loc = [Place::Name("path"), Place::Name("user_id")];
    Problem::new("uuid_parsing", loc, "Input should be a valid UUID")
}

/// Reads `limit` and `offset`; other parameters are ignored, as the original ignored all.
pub(crate) fn page(query: &str) -> Result<Page, ApiError> {
    let (mut limit, mut offset) = (DEFAULT_LIMIT, 0);
    let mut problems = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let parsed = match &*name {
            "limit" => number("limit", &value, 1).map(|number| limit = number.min(MAX_LIMIT)),
            "offset" => number("offset", &value, 0).map(|number| offset = number.min(MAX_OFFSET)),
            _ => Ok(()),
        };
        problems.extend(parsed.err());
    }
    if problems.is_empty() {
        Ok(Page::new(offset, u32::try_from(limit).unwrap_or(u32::MAX)))
    } else {
        Err(ApiError::Invalid(problems))
    }
}

/// A whole number; one too large to count is as large as numbers get here.
fn number(name: &'static str, text: &str, least: u64) -> Result<u64, Problem> {
    let problem =
        |kind, msg: String| Problem::new(kind, [Place::Name("query"), Place::Name(name)], msg);
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let msg = "Input should be a valid integer, unable to parse string as an integer";
        return Err(problem("int_parsing", msg.to_owned()));
    }
    let number = digits.parse().unwrap_or(u64::MAX);
    let negative = digits.len() != text.len() && number > 0;
    if negative || number < least {
        let msg = format!("Input should be greater than or equal to {least}");
        return Err(problem("greater_than_equal", msg).context(serde_json::json!({ "ge": least })));
    }
    Ok(number)
}
