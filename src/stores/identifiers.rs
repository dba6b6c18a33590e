//! Stored identifiers that could not be created today, for the checks at the start of a program.

use crate::user::is_clean;

/// The most that one check lists: enough to see what is wrong, and a log stays readable.
pub(super) const MAX_LISTED: usize = 100;

/// One sentence for each identifier of a user that hides something, with characters escaped so that they can be seen.
pub(super) fn hidden_in<'u>(
    id: &'u str,
    role: Option<&'u str>,
    tenant_id: Option<&'u str>,
) -> impl Iterator<Item = String> + use<'u> {
    let identifiers = [("id", Some(id)), ("role", role), ("tenant id", tenant_id)];
    let hiding = identifiers
        .into_iter()
        .filter_map(|(what, text)| Some((what, text?)))
        // An empty role hides nothing: other programs write it for none.
        .filter(|(_, text)| !text.is_empty() && !is_clean(text));
    hiding.map(move |(what, text)| {
        let (id, text) = (shown(id), shown(text));
        format!("user {id}: the {what} {text} has invisible characters, or white space at an end")
    })
}

fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(300).collect::<String>())
}
