//! [`SupabaseKey`]: a project's service key, and which headers its shape asks for.

use super::BuildError;
use base64_simd::URL_SAFE_NO_PAD;
use core::fmt;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use serde::Deserialize;

const APIKEY: HeaderName = HeaderName::from_static("apikey");

/// The key that a server of yours identifies itself with to Supabase: a secret key (`sb_secret_…`), or the older
/// kind, a JWT whose role is `service_role`.
///
/// Secret keys are not JWTs: they go into the header `apikey` alone, and sent as a bearer token they are refused. JWTs
/// go into both.
///
/// # Security
/// It opens every row of the project. `Debug` hides it, and the header values made of it are marked sensitive.
#[derive(Clone)]
pub struct SupabaseKey {
    apikey: HeaderValue,
    bearer: Option<HeaderValue>,
}

/// All that is read of a JWT. Not verified: whoever holds the key may only fool itself.
#[derive(Deserialize)]
struct Payload {
    role: Option<String>,
}

impl SupabaseKey {
    /// Reads a key by its shape. White space around it is dropped.
    ///
    /// # Errors
    /// [`BuildError::PublicKey`] for a publishable, `anon` or `authenticated` key: row level security shows it
    /// nothing, which looks like an empty table. [`BuildError::Key`] for what is no key of Supabase at all.
    pub fn new(key: &str) -> Result<Self, BuildError> {
        let key = key.trim();
        if key.starts_with("sb_publishable_") {
            return Err(BuildError::PublicKey);
        }
        if key.starts_with("sb_secret_") {
            return Ok(Self {
                apikey: sensitive(key)?,
                bearer: None,
            });
        }
        match role(key)?.as_deref() {
            None | Some("anon" | "authenticated") => Err(BuildError::PublicKey),
            Some(_) => Ok(Self {
                apikey: sensitive(key)?,
                bearer: Some(sensitive(&format!("Bearer {key}"))?),
            }),
        }
    }

    /// What every request of this key carries.
    pub(super) fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(APIKEY, self.apikey);
        if let Some(bearer) = self.bearer {
            headers.insert(AUTHORIZATION, bearer);
        }
        headers
    }
}

/// The role a JWT names.
fn role(key: &str) -> Result<Option<String>, BuildError> {
    let mut segments = key.split('.');
    let (Some(_), Some(payload), Some(_), None) = (
        segments.next(),
        segments.next(),
        segments.next(),
        segments.next(),
    ) else {
        return Err(BuildError::Key);
    };
    let payload = URL_SAFE_NO_PAD
        .decode_to_vec(payload)
        .map_err(|_| BuildError::Key)?;
    let payload: Payload = serde_json::from_slice(&payload).map_err(|_| BuildError::Key)?;
    Ok(payload.role)
}

fn sensitive(text: &str) -> Result<HeaderValue, BuildError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| BuildError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for SupabaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SupabaseKey(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode_to_string(text);
        format!(
            "{}.{}.c2lnbmF0dXJl",
            part(r#"{"alg":"HS256"}"#),
            part(payload)
        )
    }

    #[test]
    fn the_headers_follow_the_shape_of_the_key() {
        let secret = SupabaseKey::new(" sb_secret_canary\n").unwrap().headers();
        assert_eq!(secret["apikey"], "sb_secret_canary");
        assert!(!secret.contains_key(AUTHORIZATION));

        let legacy = jwt(r#"{"role":"service_role","iss":"supabase"}"#);
        let headers = SupabaseKey::new(&legacy).unwrap().headers();
        assert_eq!(headers["apikey"], legacy.as_str());
        assert_eq!(headers[AUTHORIZATION], format!("Bearer {legacy}").as_str());
        assert!(headers.values().all(HeaderValue::is_sensitive));
    }

    #[test]
    fn a_public_key_and_no_key_are_told_apart() {
        for public in [
            "sb_publishable_x".to_owned(),
            jwt(r#"{"role":"anon"}"#),
            jwt(r#"{"role":"authenticated"}"#),
            jwt("{}"),
        ] {
            let refused = SupabaseKey::new(&public).unwrap_err();
            assert!(matches!(refused, BuildError::PublicKey), "{public}");
        }
        for none in [
            "",
            "secret",
            "a.b",
            "a.b.c",
            "a.b.c.d",
            "sb_secret_\u{e9}\n\0",
        ] {
            let refused = SupabaseKey::new(none).unwrap_err();
            assert!(matches!(refused, BuildError::Key), "{none}");
        }
    }

    #[test]
    fn it_is_hidden_from_debug() {
        let key = SupabaseKey::new("sb_secret_canary").unwrap();
        assert_eq!(format!("{key:?}"), "SupabaseKey(<redacted>)");
        assert!(!format!("{:?}", key.headers()).contains("canary"));
    }
}
