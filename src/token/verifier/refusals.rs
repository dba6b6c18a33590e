//! What a [`TokenObserver`] is told of a refused token. Nothing here runs for a good one.
//!
//! The token is read once more, since remembering its parts on the way would cost good tokens time.

use super::Shared;
use crate::token::compact::{self, Compact};
use crate::token::error::TokenError;
use crate::token::refused::{RefusedToken, TokenObserver};
use crate::token::strict::{self, Fault, Reader, Tap};
use crate::user::is_stored_identifier;
use std::borrow::Cow;

impl Shared {
    /// Reports a token that was refused before its signature held.
    #[cold]
    #[inline(never)]
    pub(super) fn report_unsigned(&self, token: &str, error: &TokenError) {
        if let Some(observer) = &self.observer {
            report(&**observer, token, *error, &[]);
        }
    }

    /// Reports a token whose signature held and which was refused for what it says.
    #[cold]
    #[inline(never)]
    pub(super) fn report_signed(&self, token: &str, error: &TokenError) {
        if let Some(observer) = &self.observer {
            let payload = Compact::split(token).ok();
            let payload = payload.and_then(|parts| compact::decode_to_vec(parts.payload));
            report(&**observer, token, *error, &payload.unwrap_or_default());
        }
    }
}

fn report(observer: &dyn TokenObserver, token: &str, error: TokenError, payload: &[u8]) {
    let header = match error {
        // Nothing of it is decoded.
        TokenError::TooLong => None,
        _ => compact::header(token).and_then(compact::decode_to_vec),
    };
    let [key_id] = texts(header.as_deref().unwrap_or_default(), ["kid"]);
    let [subject, token_id] = texts(payload, ["sub", "jti"]);
    observer.token_refused(&RefusedToken {
        error,
        key_id: printable(key_id.as_ref()),
        subject: printable(subject.as_ref()),
        token_id: printable(token_id.as_ref()),
    });
}

/// The members of an object that are texts, as far as the object can be read.
fn texts<'j, const N: usize>(
    json: &'j [u8],
    names: [&'static str; N],
) -> [Option<Cow<'j, str>>; N] {
    let mut texts = Texts {
        names,
        found: [const { None }; N],
    };
    if let Ok(json) = core::str::from_utf8(json) {
        // What is wrong with the token is known.
        let _read = strict::object::<(), _>(json, &mut texts, TokenError::Payload);
    }
    texts.found
}

struct Texts<'j, const N: usize> {
    names: [&'static str; N],
    found: [Option<Cow<'j, str>>; N],
}

impl<'j, const N: usize> Tap<'j> for Texts<'j, N> {
    fn take(&mut self, name: &str, reader: &mut Reader<'j>) -> Result<bool, Fault> {
        let mut members = self.names.iter().zip(&mut self.found);
        let Some((_, found)) = members.find(|(known, _)| **known == name) else {
            return Ok(false);
        };
        if reader.peek() != Some(b'"') {
            return Ok(false);
        }
        *found = Some(reader.text()?);
        Ok(true)
    }
}

fn printable<'t>(text: Option<&'t Cow<'_, str>>) -> Option<&'t str> {
    text.map(|text| &**text)
        .filter(|text| is_stored_identifier(text))
}
