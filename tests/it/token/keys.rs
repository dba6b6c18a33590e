//! Keys that are refused at load, each with an error of its own, and the forms that are accepted.

use portcullis::token::{Algorithm, KeyError, SigningKey, VerifyingKey};

use super::circle::ALGORITHMS;

#[test]
fn short_secrets_are_refused() {
    for (algorithm, min_bytes) in [
        (Algorithm::Hs256, 32),
        (Algorithm::Hs384, 48),
        (Algorithm::Hs512, 64),
    ] {
        for len in [0, 1, 16, min_bytes - 1] {
            let error = SigningKey::from_secret(algorithm, &vec![b'k'; len]).unwrap_err();
            assert_eq!(error, KeyError::SecretTooShort { min_bytes });
            assert!(error.to_string().contains(&min_bytes.to_string()));
            assert_eq!(
                VerifyingKey::from_secret(algorithm, &vec![b'k'; len]).unwrap_err(),
                error
            );
        }
        let enough: Vec<u8> = (b'a'..=b'z').cycle().take(min_bytes).collect();
        assert!(SigningKey::from_secret(algorithm, &enough).is_ok());
    }
}

#[test]
fn secrets_that_look_like_key_files_are_refused() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAA"}"#;
    for secret in [
        pem.to_owned(),
        format!("\n {pem}"),
        format!("x{pem}"),
        pem.replace("PUBLIC", "PRIVATE"),
        jwk.into(),
        format!("  {jwk}"),
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ== me@host".into(),
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTI= me@host".into(),
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@host".into(),
    ] {
        assert_eq!(
            SigningKey::from_secret(Algorithm::Hs256, secret.as_bytes()).unwrap_err(),
            KeyError::SecretLooksLikeKey
        );
    }
}

#[test]
fn an_algorithm_takes_only_its_own_kind_of_key() {
    let secret: Vec<u8> = (0..64).collect();
    for algorithm in ALGORITHMS
        .into_iter()
        .filter(|algorithm| !algorithm.is_symmetric())
    {
        assert_eq!(
            SigningKey::from_secret(algorithm, &secret).unwrap_err(),
            KeyError::WrongKind
        );
        assert_eq!(
            VerifyingKey::from_secret(algorithm, &secret).unwrap_err(),
            KeyError::WrongKind
        );
    }
    let keys: Vec<_> = [
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
        Algorithm::Rs256,
    ]
    .map(|a| SigningKey::generate(a).unwrap())
    .into();
    for key in &keys {
        let jwk = key.verifying_key().to_jwk().unwrap();
        let bare = jwk.replace(&format!(r#","alg":"{}""#, key.algorithm()), "");
        for algorithm in ALGORITHMS {
            let same_family = algorithm == key.algorithm()
                || (key.algorithm() == Algorithm::Rs256
                    && algorithm.name()[1..].starts_with('S')
                    && algorithm.name().starts_with(['R', 'P']));
            let loaded = VerifyingKey::from_jwk(algorithm, &bare).map(|key| key.algorithm());
            if same_family {
                assert_eq!(loaded, Ok(algorithm));
            } else {
                let both_are_ec = [key.algorithm(), algorithm]
                    .iter()
                    .all(|a| a.name().starts_with("ES"));
                let expected = if algorithm == Algorithm::Es256 {
                    "P-256"
                } else {
                    "P-384"
                };
                let error = if both_are_ec {
                    KeyError::CurveMismatch { expected }
                } else {
                    KeyError::WrongKind
                };
                assert_eq!(loaded, Err(error), "{} as {algorithm}", key.algorithm());
            }
            if algorithm != key.algorithm() {
                assert!(VerifyingKey::from_jwk(algorithm, &jwk).is_err());
            }
        }
    }
}

#[test]
fn a_jwk_is_bound_by_what_it_says_it_is_for() {
    let jwk = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .verifying_key()
        .to_jwk()
        .unwrap();
    let with = |from: &str, to: &str| {
        VerifyingKey::from_jwk(Algorithm::Es256, &jwk.replace(from, to)).map(|_| ())
    };
    assert_eq!(with("", ""), Ok(()));
    assert_eq!(
        with(r#""use":"sig""#, r#""use":"enc""#),
        Err(KeyError::ForbiddenUse)
    );
    assert_eq!(
        with(r#""use":"sig""#, r#""use":"other""#),
        Err(KeyError::ForbiddenUse)
    );
    assert_eq!(with(r#""use":"sig""#, r#""key_ops":["verify"]"#), Ok(()));
    assert_eq!(
        with(r#""use":"sig""#, r#""key_ops":["sign"]"#),
        Err(KeyError::ForbiddenUse)
    );
    assert_eq!(
        with(r#""use":"sig""#, r#""key_ops":[]"#),
        Err(KeyError::ForbiddenUse)
    );
    assert_eq!(
        with(r#""use":"sig""#, r#""key_ops":["deriveKey","encrypt"]"#),
        Err(KeyError::ForbiddenUse)
    );
    assert_eq!(
        with(r#""alg":"ES256""#, r#""alg":"ES384""#),
        Err(KeyError::ForbiddenUse)
    );
    assert_eq!(
        with(r#""alg":"ES256""#, r#""alg":"ECDH-ES""#),
        Err(KeyError::ForbiddenUse)
    );
    assert_eq!(
        with(r#""crv":"P-256""#, r#""crv":"P-384""#),
        Err(KeyError::CurveMismatch { expected: "P-256" })
    );
    assert!(with(r#""kty":"EC""#, r#""kty":"RSA""#).is_err());
    assert_eq!(
        with(r#""kty":"EC""#, r#""kty":"EC","kty":"EC""#),
        Err(KeyError::Malformed)
    );
    assert_eq!(
        with(r#""kty":"EC""#, r#""d":"AAAA","kty":"EC""#),
        Err(KeyError::WrongHalf)
    );
    for broken in ["", "[]", "null", "{", "x"] {
        assert_eq!(
            VerifyingKey::from_jwk(Algorithm::Es256, broken).unwrap_err(),
            KeyError::Malformed,
            "{broken}"
        );
    }
}

#[test]
fn secrets_as_jwk_pass_the_same_checks() {
    let jwk = |bytes: usize, more: &str| {
        format!(
            r#"{{"kty":"oct","k":"{}"{more}}}"#,
            super::forge::encode(
                (0..bytes)
                    .map(|n| u8::try_from(n).unwrap())
                    .collect::<Vec<_>>()
            )
        )
    };
    assert!(
        SigningKey::from_jwk(Algorithm::Hs256, &jwk(32, r#","kid":"a","alg":"HS256""#))
            .is_ok_and(|key| key.kid() == Some("a"))
    );
    assert_eq!(
        SigningKey::from_jwk(Algorithm::Hs256, &jwk(31, "")).unwrap_err(),
        KeyError::SecretTooShort { min_bytes: 32 }
    );
    assert_eq!(
        SigningKey::from_jwk(Algorithm::Hs256, &jwk(0, "")).unwrap_err(),
        KeyError::SecretTooShort { min_bytes: 32 }
    );
    assert_eq!(
        SigningKey::from_jwk(Algorithm::Hs256, &jwk(32, r#","alg":"HS512""#)).unwrap_err(),
        KeyError::ForbiddenUse
    );
    assert_eq!(
        SigningKey::from_jwk(Algorithm::Hs256, &jwk(32, r#","use":"enc""#)).unwrap_err(),
        KeyError::ForbiddenUse
    );
    assert_eq!(
        SigningKey::from_jwk(Algorithm::Es256, &jwk(32, "")).unwrap_err(),
        KeyError::WrongKind
    );
}

/// The encodings of the points of order 1, 2, 4 and 8 on edwards25519, and non-canonical ones of the first two.
const SMALL_ORDER: [&str; 11] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn points_that_anybody_could_sign_for_are_refused() {
    let okp = |bytes: &[u8]| {
        let jwk = format!(
            r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
            super::forge::encode(bytes)
        );
        VerifyingKey::from_jwk(Algorithm::EdDsa, &jwk).map(|_| ())
    };
    for point in SMALL_ORDER {
        assert_eq!(okp(&unhex(point)), Err(KeyError::Point), "{point}");
    }
    // y = 2 is on no point; 31 and 33 bytes are no key.
    let off_curve = [&[2_u8][..], &[0; 31]].concat();
    assert_eq!(okp(&off_curve), Err(KeyError::Point));
    assert_eq!(okp(&[1; 31]), Err(KeyError::Malformed));
    assert_eq!(okp(&[1; 33]), Err(KeyError::Malformed));
    // RFC 8037 A.2 is a sound one.
    assert_eq!(
        okp(&unhex(
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        )),
        Ok(())
    );
}

#[test]
fn ec_points_are_on_the_curve_and_of_its_width() {
    let ec = |x: &[u8], y: &[u8]| {
        let jwk = format!(
            r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#,
            super::forge::encode(x),
            super::forge::encode(y)
        );
        VerifyingKey::from_jwk(Algorithm::Es256, &jwk).map(|_| ())
    };
    assert_eq!(ec(&[1; 32], &[1; 32]), Err(KeyError::Point));
    assert_eq!(ec(&[0; 32], &[0; 32]), Err(KeyError::Point));
    assert_eq!(ec(&[0xff; 32], &[0xff; 32]), Err(KeyError::Point));
    assert_eq!(ec(&[1; 31], &[1; 32]), Err(KeyError::Malformed));
    assert_eq!(ec(&[1; 33], &[1; 31]), Err(KeyError::Malformed));
    assert_eq!(ec(&[], &[]), Err(KeyError::Malformed));
}

#[test]
fn weak_rsa_keys_are_refused() {
    let rsa = |n: Vec<u8>, e: &[u8]| {
        let jwk = format!(
            r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#,
            super::forge::encode(n),
            super::forge::encode(e)
        );
        VerifyingKey::from_jwk(Algorithm::Rs256, &jwk).map(|_| ())
    };
    let modulus = |bytes: usize| [&[0xc3][..], &vec![0x5b; bytes - 1]].concat();
    assert_eq!(rsa(modulus(64), &[1, 0, 1]), Err(KeyError::RsaSize));
    assert_eq!(rsa(modulus(128), &[1, 0, 1]), Err(KeyError::RsaSize));
    assert_eq!(rsa(modulus(255), &[1, 0, 1]), Err(KeyError::RsaSize));
    assert_eq!(
        rsa([&[0x43][..], &[0x5b; 255]].concat(), &[1, 0, 1]),
        Err(KeyError::RsaSize)
    );
    assert_eq!(rsa(modulus(1025), &[1, 0, 1]), Err(KeyError::RsaSize));
    for e in [
        &[1][..],
        &[2],
        &[0],
        &[1, 0, 0],
        &[],
        &[0, 1, 0, 1],
        &[1, 0, 0, 0, 1],
    ] {
        assert_eq!(rsa(modulus(256), e), Err(KeyError::RsaExponent), "{e:?}");
    }
    assert_eq!(rsa(modulus(256), &[1, 0, 1]), Ok(()));
}

#[test]
fn pem_files_are_read_in_the_usual_forms_and_the_usual_mistakes_are_named() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/token/keys");
    let read = |name: &str| std::fs::read(format!("{dir}/{name}.pem")).unwrap();
    for (name, algorithm) in [
        ("p256", Algorithm::Es256),
        ("p384", Algorithm::Es384),
        ("p256-sec1", Algorithm::Es256),
        ("p384-sec1", Algorithm::Es384),
        ("ed25519", Algorithm::EdDsa),
        ("rsa2048", Algorithm::Rs256),
        ("rsa2048-pkcs1", Algorithm::Ps512),
    ] {
        let (private, public) = (read(name), read(&format!("{name}-public")));
        let signing = SigningKey::from_pem(algorithm, &private).unwrap();
        let verifying = VerifyingKey::from_pem(algorithm, &public).unwrap();
        assert_eq!(
            signing.verifying_key().thumbprint(),
            verifying.thumbprint(),
            "{name}"
        );
        assert_eq!(
            SigningKey::from_pem(algorithm, &public).unwrap_err(),
            KeyError::WrongHalf
        );
        assert_eq!(
            VerifyingKey::from_pem(algorithm, &private).unwrap_err(),
            KeyError::WrongHalf
        );
        assert_eq!(
            SigningKey::from_pem(Algorithm::Hs256, &private).unwrap_err(),
            KeyError::WrongKind
        );
        let other = if algorithm == Algorithm::Es256 {
            Algorithm::Es384
        } else {
            Algorithm::Es256
        };
        assert!(SigningKey::from_pem(other, &private).is_err());
        assert!(VerifyingKey::from_pem(other, &public).is_err());
    }
    assert_eq!(
        SigningKey::from_pem(Algorithm::Rs256, &read("rsa1024")).unwrap_err(),
        KeyError::RsaSize
    );
    assert_eq!(
        VerifyingKey::from_pem(Algorithm::Rs256, &read("rsa1024-public")).unwrap_err(),
        KeyError::RsaSize
    );
    assert_eq!(
        VerifyingKey::from_pem(Algorithm::Es256, &read("secp256k1-public")).unwrap_err(),
        KeyError::CurveMismatch { expected: "P-256" }
    );
    for broken in [
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n",
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
    ] {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
            assert_eq!(
                SigningKey::from_pem(algorithm, broken.as_bytes()).unwrap_err(),
                KeyError::Malformed
            );
            assert!(VerifyingKey::from_pem(algorithm, broken.as_bytes()).is_err());
        }
    }
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/it/token/keys/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// Loads it as a private and as a public key.
fn both(algorithm: Algorithm, text: &[u8]) -> [Result<(), KeyError>; 2] {
    [
        SigningKey::from_pem(algorithm, text).map(|_| ()),
        VerifyingKey::from_pem(algorithm, text).map(|_| ()),
    ]
}

#[test]
fn each_mistake_with_a_key_file_is_named() {
    let p_256 = KeyError::CurveMismatch { expected: "P-256" };
    let ed25519 = KeyError::CurveMismatch {
        expected: "Ed25519",
    };
    let (es256, eddsa, rs256) = (Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256);
    for (name, algorithm, error) in [
        ("p521.pem", es256, p_256),
        ("p521-sec1.pem", es256, p_256),
        ("p384.pem", es256, p_256),
        ("p384-sec1.pem", es256, p_256),
        ("ed448.pem", eddsa, ed25519),
        ("p256-sec1.pem", rs256, KeyError::WrongKind),
        ("p256.pem", eddsa, KeyError::WrongKind),
        ("ed25519.pem", es256, KeyError::WrongKind),
        ("rsa2048.pem", es256, KeyError::WrongKind),
        ("rsa2048-pkcs1.pem", es256, KeyError::WrongKind),
        ("p256-encrypted.pem", es256, KeyError::Encrypted),
        ("p256-sec1-encrypted.pem", es256, KeyError::Encrypted),
    ] {
        let found = SigningKey::from_pem(algorithm, &file(name)).unwrap_err();
        assert_eq!(found, error, "{name}");
    }
    for (name, algorithm, error) in [
        ("p521-public.pem", es256, p_256),
        ("p384-public.pem", es256, p_256),
        ("ed448-public.pem", eddsa, ed25519),
        ("rsa2048-public.pem", es256, KeyError::WrongKind),
        ("rsa2048-pkcs1-public.pem", es256, KeyError::WrongKind),
        ("ed25519-public.pem", rs256, KeyError::WrongKind),
    ] {
        let found = VerifyingKey::from_pem(algorithm, &file(name)).unwrap_err();
        assert_eq!(found, error, "{name}");
    }
    let der = pem::parse(file("p256.pem")).unwrap().into_contents();
    for (text, error) in [
        (file("certificate.pem"), KeyError::Certificate),
        (file("openssh.pem"), KeyError::OpenSsh),
        (file("openssh-public.txt"), KeyError::OpenSsh),
        (der, KeyError::NotPem),
        (b"".to_vec(), KeyError::NotPem),
        (b"junk".to_vec(), KeyError::NotPem),
        (b"\xff\xfe".to_vec(), KeyError::NotPem),
    ] {
        assert_eq!(both(es256, &text), [Err(error); 2]);
    }
}

#[test]
fn each_mistake_with_a_jwk_is_named() {
    let jwk = SigningKey::generate(Algorithm::Es256)
        .unwrap()
        .with_kid("1")
        .verifying_key();
    let jwk = jwk.to_jwk().unwrap();
    let load = |json: &str| VerifyingKey::from_jwk(Algorithm::Es256, json).map(|_| ());
    let curve = KeyError::CurveMismatch { expected: "P-256" };
    for name in ["P-384", "P-521", "secp256k1"] {
        assert_eq!(load(&jwk.replace("P-256", name)), Err(curve), "{name}");
    }
    let (without_y, _) = jwk.split_once(r#","y""#).unwrap();
    assert_eq!(load(&format!("{without_y}}}")), Err(KeyError::Malformed));
    for set in [
        r#"{"keys":[]}"#.to_owned(),
        format!(r#"{{"keys":[{jwk}]}}"#),
    ] {
        assert_eq!(load(&set), Err(KeyError::JwkSet));
    }
    let unfit = jwk.replace(r#""alg":"ES256","#, "");
    for (left_out, set) in [
        (0, r#"{"keys":[]}"#.to_owned()),
        (1, format!(r#"{{"keys":[{unfit}]}}"#)),
    ] {
        let found = portcullis::token::KeySet::from_jwks(&set).unwrap_err();
        assert_eq!(found, KeyError::NoUsableKey { left_out });
    }
}

#[test]
fn each_error_with_a_key_is_a_sentence_of_its_own_with_a_remedy() {
    let errors = [
        (KeyError::SecretTooShort { min_bytes: 32 }, "32 bytes"),
        (KeyError::SecretLooksLikeKey, "openssl rand"),
        (KeyError::SecretTooRepetitive, "openssl rand"),
        (KeyError::WrongKind, "EC key for ES"),
        (
            KeyError::CurveMismatch { expected: "P-256" },
            "make a key on P-256",
        ),
        (KeyError::Certificate, "openssl x509 -pubkey"),
        (KeyError::Encrypted, "openssl pkey"),
        (KeyError::OpenSsh, "ssh-keygen"),
        (KeyError::NotPem, "openssl pkey -inform DER"),
        (KeyError::JwkSet, "from_jwks"),
        (KeyError::NoUsableKey { left_out: 3 }, "3 left out"),
        (KeyError::Malformed, "copied whole"),
    ];
    for (error, remedy) in errors {
        let text = error.to_string();
        assert!(text.contains(remedy) && !text.ends_with('.'), "{text}");
        assert_eq!(
            errors
                .iter()
                .filter(|(other, _)| other.to_string() == text)
                .count(),
            1
        );
    }
}
