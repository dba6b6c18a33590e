//! HMAC secrets that others know or could guess, and those that are refused by nobody.

use portcullis::token::{Algorithm, KeyError, KeySet, SigningKey, VerifyingKey};

fn load(secret: impl AsRef<[u8]>) -> Result<(), KeyError> {
    SigningKey::from_secret(Algorithm::Hs256, secret.as_ref()).map(|_| ())
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/it/token/keys/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// The keys and certificates of the folder as DER.
fn der_files() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/token/keys");
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files = Vec::new();
    for name in
        names.filter(|name| name.strip_suffix(".pem").is_some() && !name.starts_with("openssh"))
    {
        for block in pem::parse_many(read(&name)).unwrap() {
            // OpenSSL's own encryption has no structure of its own left.
            if block.tag() != "EC PARAMETERS" && block.headers().iter().next().is_none() {
                files.push((name.clone(), block.into_contents()));
            }
        }
    }
    assert!(files.len() > 15, "{}", files.len());
    files
}

#[test]
fn der_keys_are_no_secrets_raw_or_in_base64() {
    for (name, der) in der_files() {
        let padded = base64_simd::STANDARD.encode_to_string(&der);
        let lines: Vec<_> = padded
            .as_bytes()
            .chunks(64)
            .map(|line| [line, b"\r\n"].concat())
            .collect();
        for secret in [
            der.clone(),
            padded.clone().into_bytes(),
            padded.trim_end_matches('=').as_bytes().to_vec(),
            base64_simd::URL_SAFE_NO_PAD
                .encode_to_string(&der)
                .into_bytes(),
            lines.concat(),
        ] {
            assert_eq!(load(&secret), Err(KeyError::SecretLooksLikeKey), "{name}");
            let verifying = VerifyingKey::from_secret(Algorithm::Hs256, &secret).map(|_| ());
            assert_eq!(verifying, Err(KeyError::SecretLooksLikeKey), "{name}");
        }
    }
}

#[test]
fn texts_of_keys_are_no_secrets_as_they_are_or_in_base64() {
    let jwk = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .verifying_key()
        .to_jwk()
        .unwrap();
    let ssh = read("openssh-public.txt");
    let blob = ssh.split(|byte| *byte == b' ').nth(1).unwrap().to_vec();
    let wire = base64_simd::STANDARD.decode_to_vec(&blob).unwrap();
    let set = format!(r#"{{"keys":[{jwk}]}}"#);
    for secret in [
        read("p256-public.pem"),
        read("openssh.pem"),
        jwk.into(),
        set.into(),
        ssh,
    ] {
        assert_eq!(load(&secret), Err(KeyError::SecretLooksLikeKey));
        let encoded = base64_simd::STANDARD.encode_to_string(&secret);
        assert_eq!(load(encoded), Err(KeyError::SecretLooksLikeKey));
    }
    for secret in [blob, wire] {
        assert_eq!(load(&secret), Err(KeyError::SecretLooksLikeKey));
    }
}

#[test]
fn secrets_of_few_different_bytes_are_refused() {
    let of_values = |values: u8| (0..64).map(|at| at % values).collect::<Vec<_>>();
    for secret in [vec![7; 32], vec![0; 64], b"abcdefg".repeat(6), of_values(7)] {
        assert_eq!(load(&secret), Err(KeyError::SecretTooRepetitive));
    }
    assert_eq!(load(of_values(8)), Ok(()));
    assert!(
        KeyError::SecretTooRepetitive
            .to_string()
            .contains("openssl rand -base64 48")
    );
}

#[test]
fn random_secrets_are_taken_in_whatever_form_they_are_written() {
    let mut secret = [0; 48];
    for round in 0..2_000 {
        aws_lc_rs::rand::fill(&mut secret).unwrap();
        // The first bytes of DER of this very length, which a random secret may begin with.
        if round % 2 == 0 {
            secret[..3].copy_from_slice(&[0x30, 46, 0x02]);
        }
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        for secret in [
            secret.to_vec(),
            secret[..32].to_vec(),
            hex.into(),
            base64_simd::STANDARD.encode_to_string(secret).into(),
            base64_simd::URL_SAFE_NO_PAD.encode_to_string(secret).into(),
        ] {
            assert_eq!(load(&secret), Ok(()), "{secret:?}");
        }
    }
}

/// The 32 bytes of an Ed25519 key look like any others, so what keeps them apart is that no set takes both.
#[test]
fn a_secret_never_stands_beside_a_public_key() {
    let public = SigningKey::generate(Algorithm::EdDsa)
        .unwrap()
        .verifying_key()
        .with_kid("1");
    let jwk: serde_json::Value = serde_json::from_str(&public.to_jwk().unwrap()).unwrap();
    let bare = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(jwk["x"].as_str().unwrap())
        .unwrap();
    let secret = VerifyingKey::from_secret(Algorithm::Hs256, &bare)
        .unwrap()
        .with_kid("2");
    assert_eq!(
        KeySet::from(public.clone())
            .and(secret.clone())
            .unwrap_err(),
        KeyError::MixedKeys
    );
    assert_eq!(
        KeySet::from(secret).and(public).unwrap_err(),
        KeyError::MixedKeys
    );
}
