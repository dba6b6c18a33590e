//! [`PasswordPolicy`]: which passwords people may choose.

use super::patterns::{is_common, length_without_repetition, score};
use super::{MAX_PASSWORD_BYTES, ParamsError, Password, PolicyError};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A context word must have this many characters: taking "al" out of a password says nothing about it.
const MIN_WORD_CHARS: usize = 4;

/// How many texts of a context are read, and how many bytes of each. Names and e-mail addresses are shorter; a megabyte
/// would take 22 ms of processor time.
const MAX_CONTEXT_TEXTS: usize = 16;
const MAX_CONTEXT_TEXT_BYTES: usize = 1024;

/// Which passwords may be set. Ask it at registration and at a change, never at sign-in.
///
/// - Length: from 15 to 1,024 code points by default (NIST SP 800-63B-4 §3.1.1.2, a password as the only factor).
/// - Not one of 16,079 common passwords, in any letter case. The list combines those of Django 5.2.19 (by Royce
///   Williams, BSD-3-Clause) and of zxcvbn (MIT).
/// - Not made of patterns, such as `passwordpassword`, `password1234567` or `qwertyuiop12345`: see below.
/// - Not built around the product's name or words about the person: with those taken out, 8 characters must be left.
/// - No rules of composition and no expiry: they make passwords worse (same section).
///
/// # Patterns
/// Each character scores 1, and a pattern scores less than it is long:
///
/// | pattern | score |
/// |---|---|
/// | a repetition of what stands directly before it | 1 |
/// | three or more characters along an alphabet, a keyboard's row or column, in either direction | 2 |
/// | a common password as a part, also spelled as in `p@ssw0rd` | 3 |
/// | four to eight digits: a year, a date, a number | 4 |
///
/// A password must score 8, which stands for 10^8 guesses in the model of zxcvbn; with a shorter minimum length it must
/// score half of that length and 1. A text that repeats itself (`refrigeratorrefrigerator`) must be long enough without the
/// repetition. Four unrelated words pass even if each of them is common, and so do random characters of any script.
///
/// ```
/// use portcullis::password::{Password, PasswordPolicy, PolicyError};
/// let policy = PasswordPolicy::default().product("Portcullis");
/// let check = |text: &str| policy.check(&Password::new(text), &["alice@example.com"]);
/// assert_eq!(check("alice-correct-horse-battery"), Ok(()));
/// assert_eq!(check("portcullis2026!"), Err(PolicyError::Common));
/// assert_eq!(check("horse"), Err(PolicyError::TooShort { min: 15 }));
/// ```
#[derive(Clone, Debug)]
pub struct PasswordPolicy {
    min_length: usize,
    product: Vec<String>,
}

impl PasswordPolicy {
    /// The least a minimum can be set to, in code points (NIST SP 800-63B-4 §3.1.1.2, with a second factor).
    pub const LOWEST_MIN_LENGTH: usize = 8;
    /// The most a minimum can be set to: NIST wants passwords of 64 accepted.
    pub const HIGHEST_MIN_LENGTH: usize = 64;

    /// Sets the least number of code points. Default: 15.
    ///
    /// # Errors
    /// [`ParamsError`] outside of 8 to 64.
    pub fn with_min_length(mut self, min_length: usize) -> Result<Self, ParamsError> {
        if min_length < Self::LOWEST_MIN_LENGTH {
            return Err(ParamsError::TooWeak);
        }
        if min_length > Self::HIGHEST_MIN_LENGTH {
            return Err(ParamsError::TooCostly);
        }
        self.min_length = min_length;
        Ok(self)
    }

    /// Adds the product's name, or another word everybody would try first. Default: none.
    #[must_use]
    pub fn product(mut self, name: &str) -> Self {
        self.product.extend(words(name));
        self
    }

    /// The least number of code points.
    pub fn min_length(&self) -> usize {
        self.min_length
    }

    /// The greatest number of code points: 1,024, and as many bytes of UTF-8.
    pub fn max_length(&self) -> usize {
        MAX_PASSWORD_BYTES
    }

    /// Checks a password somebody wants to set.
    ///
    /// `context` are texts about the person: its e-mail address, its name. Each counts as a whole, an e-mail address
    /// also before and behind its `@`, and split at everything that is not a letter or digit; what is under 4 characters doesn't count. At most 16 texts are read, and 1,024 bytes of each: a long
    /// name must not make a check expensive.
    ///
    /// # Errors
    /// [`PolicyError`], whose message can be shown to the person.
    pub fn check(&self, password: &Password, context: &[&str]) -> Result<(), PolicyError> {
        let too_long = PolicyError::TooLong {
            max: self.max_length(),
        };
        let text = password.text().ok_or(too_long)?;
        if !has_chars(text, self.min_length) {
            return Err(PolicyError::TooShort {
                min: self.min_length,
            });
        }
        let lower = Zeroizing::new(text.to_lowercase());
        if is_common(&lower) || length_without_repetition(&lower) < self.min_length {
            return Err(PolicyError::Common);
        }
        let mut words: Vec<String> = bounded(context).flat_map(words).collect();
        words.extend(bounded(context).flat_map(wholes));
        words.extend_from_slice(&self.product);
        // The longest first, or "port" would leave "cullis" of "portcullis" standing.
        words.sort_unstable_by_key(|word| core::cmp::Reverse(word.len()));
        let mut rest = lower;
        for word in words {
            if rest.contains(&word) {
                rest = Zeroizing::new(rest.replace(&word, ""));
            }
        }
        let min_score = self.min_score();
        if has_chars(&rest, Self::LOWEST_MIN_LENGTH) && score(&rest, min_score) >= min_score {
            Ok(())
        } else {
            Err(PolicyError::Common)
        }
    }

    /// The score a password must have: 8, or with a short minimum length half of it and 1.
    fn min_score(&self) -> usize {
        let half = self.min_length.div_euclid(2);
        half.saturating_add(1).min(Self::LOWEST_MIN_LENGTH)
    }
}

/// 15 to 1,024 code points, and no product's name.
impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: 15,
            product: Vec::new(),
        }
    }
}

fn has_chars(text: &str, least: usize) -> bool {
    text.chars().take(least).count() == least
}

/// The texts of a context, each cut to what is read of it.
fn bounded<'a>(context: &[&'a str]) -> impl Iterator<Item = &'a str> {
    context.iter().take(MAX_CONTEXT_TEXTS).map(|text| {
        // Cuts between characters, of which none has more than four bytes.
        let mut ends = (0..=MAX_CONTEXT_TEXT_BYTES).rev();
        ends.find_map(|end| text.get(..end.min(text.len())))
            .unwrap_or_default()
    })
}

/// A text as a whole, and the two sides of an e-mail address.
fn wholes(text: &str) -> impl Iterator<Item = String> {
    let normal = normal(text.trim());
    let sides = normal.split('@').map(str::to_owned);
    let wholes: Vec<String> = sides.chain([normal.clone()]).collect();
    wholes
        .into_iter()
        .filter(|whole| has_chars(whole, MIN_WORD_CHARS))
}

/// The form passwords are compared in.
fn normal(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}

/// Splits a text into the words to look for.
fn words(text: &str) -> impl Iterator<Item = String> {
    normal(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| has_chars(word, MIN_WORD_CHARS))
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}
