//! Stored identifiers that could not be created today, for the checks at the start of a program.

use crate::user::text::is_clean;

/// The most that one check lists: enough to see what is wrong, and a log stays readable.
pub(super) const MAX_LISTED: usize = 100;

/// Describes each identifier of a user that is not clean, in a sentence that escapes what would not show.
pub(super) fn describe_unclean<'u>(
    id: &'u str,
    role: Option<&'u str>,
    tenant_id: Option<&'u str>,
) -> impl Iterator<Item = String> + use<'u> {
    let identifiers = [("id", Some(id)), ("role", role), ("tenant id", tenant_id)];
    let unclean = identifiers
        .into_iter()
        .filter_map(|(what, text)| Some((what, text?)))
        // Other programs write an empty role for none.
        .filter(|(_, text)| !text.is_empty() && !is_clean(text));
    unclean.map(move |(what, text)| {
        let (id, text) = (shown(id), shown(text));
        format!("user {id}: the {what} {text} has invisible characters, or white space at an end")
    })
}

fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(300).collect::<String>())
}
