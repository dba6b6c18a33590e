//! Test vectors of the standards.

/// RFC 9106 §5.3. It has a secret and associated data, which password hashes don't, so the implementation below
/// `PasswordHasher` is asked directly.
#[test]
fn argon2id_gives_the_tag_of_rfc_9106() {
    let mut params = argon2::ParamsBuilder::new();
    params
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(argon2::AssociatedData::new(&[4; 12]).unwrap());
    let argon2 = argon2::Argon2::new_with_secret(
        &[3; 8],
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        params.build().unwrap(),
    )
    .unwrap();
    let mut blocks = vec![argon2::Block::new(); argon2.params().block_count()];
    let mut tag = [0; 32];
    argon2
        .hash_password_into_with_memory(&[1; 32], &[2; 16], &mut tag, &mut blocks)
        .unwrap();
    assert_eq!(
        tag,
        [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
            0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
            0x6b, 0x01, 0xe6, 0x59,
        ]
    );
}

#[test]
fn rfc_7515_a_5_an_unsecured_token_is_refused() {
    use portcullis::TokenVerifier;
    use portcullis::token::{Algorithm, VerifyingKey};
    let token = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    let key =
        VerifyingKey::from_secret(Algorithm::Hs256, b"32 bytes that nobody else can know").unwrap();
    let verifier = TokenVerifier::builder("joe", "api", key).build().unwrap();
    assert!(verifier.verify(token).is_err());
}
