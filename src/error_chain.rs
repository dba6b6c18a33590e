//! [`ErrorChain`]: an error with all its causes on one line, for an operator.

use core::error::Error;
use core::fmt::{self, Write as _};

/// The most causes shown. Longer chains are a mistake of whoever built them.
const MAX_CAUSES: usize = 32;

/// Displays an error and all its causes on one line, separated by `": "`, for a log or a terminal.
///
/// The errors of this crate say in one sentence what failed, and name the cause by
/// [`source`](Error::source). Only the whole chain tells an operator what to do; a client must see none of it
/// ([`Refusal`](crate::Refusal) is what a client sees).
///
/// A cause whose text the error before it quotes already is left out. Control characters and other characters that
/// show nothing are escaped, so that a name in an error can't forge a second line.
///
/// ```
/// use portcullis::ErrorChain;
///
/// let cause = std::io::Error::from(std::io::ErrorKind::StorageFull);
/// let error = portcullis::throttle::ThrottleError::Unavailable(Box::new(cause));
/// assert_eq!(
///     ErrorChain::new(&error).to_string(),
///     "the sign-in throttle is unavailable: no storage space"
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ErrorChain<'a>(&'a (dyn Error + 'static));

impl<'a> ErrorChain<'a> {
    /// Borrows the error to display.
    pub fn new(error: &'a (dyn Error + 'static)) -> Self {
        Self(error)
    }
}

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::new();
        let mut next = Some(self.0);
        for _ in 0..=MAX_CAUSES {
            let Some(error) = next else { break };
            next = error.source();
            let text = error.to_string();
            if shown.contains(&text) {
                continue;
            }
            if !shown.is_empty() {
                f.write_str(": ")?;
            }
            escaped(&text, f)?;
            shown = text;
        }
        Ok(())
    }
}

/// Writes a text so that it stays on its line. Quotes and backslashes stay as they are.
fn escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in text.chars() {
        if c.is_control() || !c.is_ascii() {
            write!(f, "{}", c.escape_debug())?;
        } else {
            f.write_char(c)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            let link = self.1.as_deref()?;
            Some(link)
        }
    }

    fn shown(texts: &[&'static str]) -> String {
        let chain = texts
            .iter()
            .rev()
            .fold(None, |cause, text| Some(Box::new(Link(text, cause))));
        ErrorChain::new(&*chain.unwrap()).to_string()
    }

    #[test]
    fn every_cause_is_shown_once() {
        assert_eq!(shown(&["a"]), "a");
        assert_eq!(
            shown(&["no store", "no file", "os"]),
            "no store: no file: os"
        );
        // Libraries that put the cause into their own text are not repeated, nor is what follows lost.
        let quoted = [
            "the store failed",
            "database: (14) no file",
            "(14) no file",
            "os error 2",
        ];
        assert_eq!(
            shown(&quoted),
            "the store failed: database: (14) no file: os error 2"
        );
        assert_eq!(shown(&["a", "", "b"]), "a: b");
    }

    #[test]
    fn a_chain_stays_one_line_and_ends() {
        assert_eq!(
            shown(&["a\nFORGED\u{1b}[31m", "b\u{2028}c\u{202e}d", "\"é\\"]),
            "a\\nFORGED\\u{1b}[31m: b\\u{2028}c\\u{202e}d: \"é\\"
        );
        let numbers: Vec<&'static str> = (0..100)
            .map(|number| &*Box::leak(format!("<{number}>").into_boxed_str()))
            .collect();
        assert_eq!(shown(&numbers).matches('<').count(), MAX_CAUSES + 1);
    }
}
