//! Which texts can be names: none with characters that do not show.

/// Tells whether a text holds only characters that show, and no space at either end.
pub(crate) fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}
