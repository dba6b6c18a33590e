//! PEM texts (RFC 7468): the one block that is the key, or what the file is instead.

use super::{KeyError, der};
use crate::token::algorithm::Algorithm;
use pem::Pem;

/// A key's block of a PEM text, of the half that was asked for and of the algorithm's type.
///
/// Other blocks are passed over: `openssl ecparam -genkey` writes `EC PARAMETERS` before the key.
pub(super) fn private(pem: &[u8], algorithm: Algorithm) -> Result<Pem, KeyError> {
    let labels = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
    block(pem, &labels, "PUBLIC KEY", algorithm)
}

/// The same for a public key.
pub(super) fn public(pem: &[u8], algorithm: Algorithm) -> Result<Pem, KeyError> {
    let labels = ["PUBLIC KEY", "RSA PUBLIC KEY"];
    block(pem, &labels, "PRIVATE KEY", algorithm)
}

fn block(
    text: &[u8],
    labels: &[&str],
    other_half: &str,
    algorithm: Algorithm,
) -> Result<Pem, KeyError> {
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    if !has(b"-----BEGIN ") {
        let is_ssh = text.trim_ascii_start().starts_with(b"ssh-") || has(b"---- BEGIN SSH2");
        return Err(if is_ssh {
            KeyError::OpenSsh
        } else {
            KeyError::NotPem
        });
    }
    let mut blocks = pem::parse_many(text).map_err(|_| KeyError::Malformed)?;
    let is_wanted = |block: &Pem| labels.contains(&block.tag());
    let Some(position) = blocks.iter().position(is_wanted) else {
        let instead = blocks.iter().find(|block| block.tag() != "EC PARAMETERS");
        return Err(instead.map_or(KeyError::Malformed, |block| {
            explain(block.tag(), other_half)
        }));
    };
    let found = blocks.swap_remove(position);
    // RFC 1421 §4.6.1.1, as OpenSSL writes it for the older forms.
    if found
        .headers()
        .get("Proc-Type")
        .is_some_and(|kind| kind.contains("ENCRYPTED"))
    {
        return Err(KeyError::Encrypted);
    }
    if let Some(structure) = der::structure(found.contents()) {
        structure.check(algorithm)?;
    }
    Ok(found)
}

/// What a file is that has none of the labels asked for.
fn explain(label: &str, other_half: &str) -> KeyError {
    match label {
        "ENCRYPTED PRIVATE KEY" => KeyError::Encrypted,
        "OPENSSH PRIVATE KEY" => KeyError::OpenSsh,
        label if label.contains("CERTIFICATE") => KeyError::Certificate,
        label if label.ends_with(other_half) => KeyError::WrongHalf,
        _ => KeyError::Malformed,
    }
}
