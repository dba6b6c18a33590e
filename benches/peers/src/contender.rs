//! A [`Contender`]: a library that verifies and issues tokens, seen to do both right before it is timed.

use crate::keys::Keys;
use crate::sample;

/// Tells whether a token is good. What the library answers is made up in full and dropped inside.
pub(crate) type Verify = Box<dyn Fn(&str) -> bool + Send + Sync>;
/// Makes a token.
pub(crate) type Issue = Box<dyn Fn() -> String>;

pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) verify: Verify,
    /// `None` if the library only verifies, or issues as another one does.
    pub(crate) issue: Option<Issue>,
}

impl Contender {
    pub(crate) fn new(
        name: &'static str,
        verify: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            verify: Box::new(verify),
            issue: None,
        }
    }

    pub(crate) fn issuing(self, issue: impl Fn() -> String + 'static) -> Self {
        Self {
            issue: Some(Box::new(issue)),
            ..self
        }
    }

    /// A benchmark that times an error, or a check that isn't made, is worth nothing.
    ///
    /// `reference` judges the tokens that the contender issues.
    pub(crate) fn prove(&self, keys: &Keys, reference: &Verify) {
        let (who, alg) = (self.name, keys.algorithm);
        let good = sample::usual_token(keys);
        assert!((self.verify)(&good), "{who} refuses a good {alg} token");
        for (what, bad) in sample::bad_tokens(keys) {
            assert!(!(self.verify)(&bad), "{who} takes a {alg} token {what}");
        }
        if let Some(issue) = &self.issue {
            let issued = issue();
            assert!(reference(&issued), "{who} issues a bad {alg} token");
        }
    }
}
