//! What can be no HMAC secret: keys that are public or belong elsewhere, and bytes that anybody could guess.

use super::{KeyError, der};
use base64_simd::STANDARD_NO_PAD as BASE64;
use zeroize::Zeroizing;

/// The fewest different byte values: 32 random bytes have less in one case of 10^37, 32 hexadecimal digits in one of 10^7.
const MIN_VALUES: usize = 8;

/// How the lines of OpenSSH's public keys begin (RFC 4253 §6.6, RFC 5656 §3.1), and after a length their base64.
const SSH: [&[u8]; 4] = [b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-"];

/// Whether the bytes can be a secret of at least `min_bytes`.
pub(super) fn check(secret: &[u8], min_bytes: usize) -> Result<(), KeyError> {
    if is_key(secret) || decoded(secret).is_some_and(|inner| is_key(&inner)) {
        return Err(KeyError::SecretLooksLikeKey);
    }
    if secret.len() < min_bytes {
        return Err(KeyError::SecretTooShort { min_bytes });
    }
    let is_among = |value: &u8| secret.contains(value);
    if (0..=u8::MAX).filter(is_among).count() < MIN_VALUES {
        return Err(KeyError::SecretTooRepetitive);
    }
    Ok(())
}

/// PEM, DER, SSH and JWK: public keys used as secrets by mistake are the oldest confusion of this field
/// (CVE-2016-5431, CVE-2022-29217; with white space before the PEM: CVE-2026-34950).
fn is_key(secret: &[u8]) -> bool {
    let has = |needle: &[u8]| memchr::memmem::find(secret, needle).is_some();
    let text = secret.trim_ascii_start();
    let is_ssh = |text: &[u8]| SSH.iter().any(|prefix| text.starts_with(prefix));
    has(b"-----BEGIN ")
        || is_ssh(text)
        || matches!(secret, [0, 0, 0, _, name @ ..] if is_ssh(name))
        || (text.starts_with(b"{") && has(b"\"kty\""))
        || der::structure(secret).is_some()
}

/// What a secret that is base64 of either alphabet stands for, be it in lines, padded or not.
fn decoded(secret: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len()));
    text.extend(
        secret
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            }),
    );
    while text.last() == Some(&b'=') {
        text.pop();
    }
    BASE64.decode_to_vec(&*text).ok().map(Zeroizing::new)
}
