//! Just enough DER (X.690) to tell what a key is. It explains errors and recognises keys in the wrong place; no key is
//! made from what is read here.

use super::KeyError;
use crate::token::algorithm::{Algorithm, Family};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const PARAMETERS: u8 = 0xa0;

/// More elements than any key has in one sequence: PKCS#1 has nine, a certificate's are not opened.
const MAX_ELEMENTS: usize = 12;

const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const EC_PUBLIC_KEY: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
const P_256: &[u8] = b"\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P_384: &[u8] = b"\x2b\x81\x04\x00\x22";
const ED25519: &[u8] = b"\x2b\x65\x70";
/// X25519, X448 and Ed448 share all but the last byte with Ed25519 (RFC 8410 §3).
const CURVES_OF_RFC_8410: &[u8] = b"\x2b\x65";

/// What a DER structure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure<'d> {
    /// A key of RSA.
    Rsa,
    /// A key on a curve of SEC 1, by its object identifier if it names one.
    Ec(Option<&'d [u8]>),
    /// A key on a curve of RFC 8410.
    Edwards(&'d [u8]),
    /// A certificate, an encrypted key, or a key of another type.
    Other,
}

/// What the bytes are, if they are exactly one of the structures that hold keys: SPKI, PKCS#1, PKCS#8, SEC 1, or a
/// certificate. Random bytes are none of them but for one case in 2^32 or more.
pub(super) fn structure(der: &[u8]) -> Option<Structure<'_>> {
    let [(SEQUENCE, body)] = *elements(der)? else {
        return None;
    };
    match *elements(body)? {
        [(SEQUENCE, algorithm), (BIT_STRING, _)]
        | [(INTEGER, _), (SEQUENCE, algorithm), (OCTET_STRING, _), ..] => Some(named(algorithm)),
        [(INTEGER, _), (OCTET_STRING, _), ref more @ ..] => {
            let curve = more.iter().find(|(tag, _)| *tag == PARAMETERS);
            let curve = curve.and_then(|(_, curve)| identifier(curve));
            Some(Structure::Ec(curve))
        }
        [(INTEGER, _), (INTEGER, _)] => Some(Structure::Rsa),
        ref numbers if numbers.len() >= 9 && numbers.iter().all(|(tag, _)| *tag == INTEGER) => {
            Some(Structure::Rsa)
        }
        [(SEQUENCE, _), (SEQUENCE, _), (BIT_STRING, _)] | [(SEQUENCE, _), (OCTET_STRING, _)] => {
            Some(Structure::Other)
        }
        _ => None,
    }
}

impl Structure<'_> {
    /// Whether a key of this structure can be one of the algorithm.
    pub(super) fn check(self, algorithm: Algorithm) -> Result<(), KeyError> {
        match (algorithm.family(), self) {
            (Family::Rsa(..), Self::Rsa)
            | (Family::Ec(..), Self::Ec(None))
            | (Family::Ed25519, Self::Edwards(ED25519)) => Ok(()),
            (Family::Ec(_, _, curve), Self::Ec(Some(named))) => {
                let wanted = if curve.name == "P-256" { P_256 } else { P_384 };
                let expected = curve.name;
                (named == wanted)
                    .then_some(())
                    .ok_or(KeyError::CurveMismatch { expected })
            }
            (Family::Ed25519, Self::Edwards(_)) => Err(KeyError::CurveMismatch {
                expected: "Ed25519",
            }),
            _ => Err(KeyError::WrongKind),
        }
    }
}

/// What an `AlgorithmIdentifier` (RFC 5280 §4.1.1.2) names.
fn named(algorithm: &[u8]) -> Structure<'_> {
    match identifier(algorithm) {
        Some(RSA_ENCRYPTION) => Structure::Rsa,
        Some(EC_PUBLIC_KEY) => {
            let parameters = element(algorithm).and_then(|(_, parameters)| identifier(parameters));
            Structure::Ec(parameters)
        }
        Some(curve) if curve.starts_with(CURVES_OF_RFC_8410) => Structure::Edwards(curve),
        _ => Structure::Other,
    }
}

fn identifier(der: &[u8]) -> Option<&[u8]> {
    match element(der)? {
        ((OBJECT_IDENTIFIER, identifier), _) => Some(identifier),
        _ => None,
    }
}

type Element<'d> = (u8, &'d [u8]);

/// All elements, which must fill the bytes to the last one.
fn elements(mut der: &[u8]) -> Option<Box<[Element<'_>]>> {
    let mut elements = Vec::new();
    while !der.is_empty() && elements.len() < MAX_ELEMENTS {
        let (first, rest) = element(der)?;
        elements.push(first);
        der = rest;
    }
    der.is_empty().then(|| elements.into())
}

/// The first element, and what follows it.
fn element(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some(((*tag, contents), rest))
}
