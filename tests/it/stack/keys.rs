//! The API keys of a Supabase project, of both generations.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

/// Signs the tokens of the legacy keys and of signed-in users.
pub(crate) const JWT_SECRET: &str = "a-secret-of-the-test-stack-with-enough-bytes";

/// What a project's owner finds on the page "API keys".
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Legacy: a token, its role `service_role`.
    pub(crate) service: String,
    /// Legacy: a token, its role `anon`.
    pub(crate) anon: String,
    /// New: opaque, stands for `service_role`.
    pub(crate) secret: String,
    /// New: opaque, stands for `anon`.
    pub(crate) publishable: String,
}

impl Keys {
    /// The keys of the project with this name.
    pub(crate) fn of(project: &str) -> Self {
        let legacy = |role| {
            token(
                &json!({"iss": "supabase", "ref": project, "role": role, "exp": 4_102_444_800_u64}),
            )
        };
        // Made here, never written down: a key in a source file alarms those who look for leaked ones.
        let opaque = |kind: &str| {
            let text = encode(mac(format!("{project} {kind}").as_bytes()).as_ref());
            format!("sb_{kind}_{}_{}", &text[..22], &text[22..30])
        };
        Self {
            service: legacy("service_role"),
            anon: legacy("anon"),
            secret: opaque("secret"),
            publishable: opaque("publishable"),
        }
    }
}

/// A token with these claims, signed with HS256.
pub(crate) fn token(claims: &Value) -> String {
    let header = encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", encode(claims.to_string().as_bytes()));
    let signature = encode(mac(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

fn mac(message: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, JWT_SECRET.as_bytes());
    hmac::sign(&key, message)
}

fn encode(bytes: &[u8]) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}
