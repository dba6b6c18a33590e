//! [`Email`]: one canonical form, so that two spellings of one mailbox are one account.

use core::fmt;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// The longest address accepted, in bytes of its canonical form (RFC 5321 §4.5.3.1.3 less the brackets).
const MAX_EMAIL_BYTES: usize = 254;

/// An e-mail address in canonical form.
///
/// Canonical: outer white space trimmed, NFKC, lower case, the domain in its ASCII form (IDNA, UTS #46).
/// Lower-casing the local part is a policy: RFC 5321 lets a host tell `A@x` from `a@x`, hosts of this
/// century don't, and two accounts for one mailbox would be a way to take one over. No dots or `+tags`
/// are removed: those do name different mailboxes at some hosts.
///
/// Letters that look alike are different letters: `anna@example.com` and `аnna@example.com` with a Cyrillic `а` are two
/// addresses, and may be two people's. Where that matters, show addresses in a way that tells scripts apart (UTS #39).
///
/// ```
/// use portcullis::user::Email;
/// let email: Email = " Anna.Müller@BÜCHER.example ".parse()?;
/// assert_eq!(email.as_str(), "anna.müller@xn--bcher-kva.example");
/// assert!("not an email".parse::<Email>().is_err());
/// # Ok::<(), portcullis::user::EmailError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// The text is no e-mail address that can be kept.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailError {
    /// Longer than 254 bytes.
    #[error("an e-mail address has at most 254 bytes")]
    TooLong,
    /// Not `local@domain` with a domain of at least two labels.
    #[error("not an e-mail address")]
    Malformed,
}

impl Email {
    /// Parses an address and brings it into its canonical form.
    ///
    /// Refused: control and invisible characters and inner white space, quoted local parts, IP literals, domains
    /// of one label, and local parts that don't survive a change of case and back (a dotless `ı` would be
    /// mistaken for `i` by whatever compares in upper case) or hold an `i` with a second dot.
    ///
    /// # Errors
    /// [`EmailError`] says whether it is too long or malformed.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        // Normalising can only be asked of text of bounded size; canonical forms are never much shorter.
        if text.len() > 4 * MAX_EMAIL_BYTES {
            return Err(EmailError::TooLong);
        }
        let text = text.trim();
        // In a domain some of them would be mapped to nothing (UTS #46), and a sign-in refuses them.
        if !super::is_clean(text) {
            return Err(EmailError::Malformed);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Malformed)?;
        let local = canonical_local(local).ok_or(EmailError::Malformed)?;
        let domain = canonical_domain(domain).ok_or(EmailError::Malformed)?;
        let canonical = format!("{local}@{domain}");
        if canonical.len() > MAX_EMAIL_BYTES {
            return Err(EmailError::TooLong);
        }
        Ok(Self(canonical))
    }

    /// An address as some other program stored it: canonical if it can be, else as it is, to be shown and mended.
    ///
    /// What is no address can't sign in: [`parse`](Self::parse) refuses it as a login.
    #[cfg(feature = "supabase")]
    pub(crate) fn as_stored(text: String) -> Self {
        Self::parse(&text).unwrap_or(Self(text))
    }

    /// The canonical address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the `@`, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

fn canonical_local(local: &str) -> Option<String> {
    let canonical: String = local
        .nfkc()
        .collect::<String>()
        .to_lowercase()
        .nfkc()
        .collect();
    let printable = |c: char| {
        !c.is_control()
            && !c.is_whitespace()
            && !matches!(
                c,
                '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '@' | '[' | '\\' | ']'
            )
            && !is_invisible(c)
    };
    let dots_are_inside =
        !canonical.starts_with('.') && !canonical.ends_with('.') && !canonical.contains("..");
    let keeps_its_case = canonical.to_uppercase().to_lowercase() == canonical;
    // What `İ` becomes in lower case looks like `i` and is not.
    let dotted_twice = canonical.contains("i\u{307}") || canonical.contains("j\u{307}");
    (!canonical.is_empty()
        && canonical.len() <= 64
        && canonical.chars().all(printable)
        && dots_are_inside
        && keeps_its_case
        && !dotted_twice)
        .then_some(canonical)
}

/// Unicode's `Default_Ignorable_Code_Point`: characters that make two addresses which look like one.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn canonical_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok()?;
    let labels_fit = ascii.split('.').all(|label| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    });
    // A last label of digits only is an IPv4 address, not a name.
    let named = ascii
        .rsplit_once('.')
        .is_some_and(|(_, last)| !last.bytes().all(|b| b.is_ascii_digit()));
    (labels_fit && named && ascii.len() <= 253).then(|| ascii.into_owned())
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::str::FromStr for Email {
    type Err = EmailError;
    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;
    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(value: Email) -> String {
        value.0
    }
}
