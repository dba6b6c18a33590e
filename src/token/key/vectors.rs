//! Published signatures, checked where keys meet bytes: RFC 7515 appendix A, RFC 8037 appendix A, RFC 7638 §3.1.
//!
//! Their tokens have none of the claims a verifier asks for, so they are checked here and not through one.

use super::{SigningKey, VerifyingKey};
use crate::token::{Algorithm, KeyError};

/// The payload of RFC 7515 A.1 to A.3.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn assert_good_and_not_when_altered(key: &VerifyingKey, input: &str, signature: &str) {
    assert!(key.verifies(input.as_bytes(), signature.as_bytes()));
    assert!(!key.verifies(input.to_lowercase().as_bytes(), signature.as_bytes()));
    let altered = format!(
        "{}{}",
        if signature.starts_with('A') { 'B' } else { 'A' },
        &signature[1..]
    );
    assert!(!key.verifies(input.as_bytes(), altered.as_bytes()));
}

#[test]
fn rfc_7515_a_1_hmac_sha_256() {
    let jwk = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    let key = SigningKey::from_jwk(Algorithm::Hs256, jwk).unwrap();
    let input = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}");
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let mut token = input.clone();
    key.sign_onto(&mut token).unwrap();
    assert_eq!(token, format!("{input}.{signature}"));
    assert_good_and_not_when_altered(&key.verifying_key(), &input, signature);
}

#[test]
fn rfc_7515_a_2_rsassa_pkcs1_sha_256() {
    let jwk = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let key = VerifyingKey::from_jwk(Algorithm::Rs256, jwk).unwrap();
    assert_good_and_not_when_altered(&key, &format!("eyJhbGciOiJSUzI1NiJ9.{JOE}"), signature);
}

#[test]
fn rfc_7515_a_3_ecdsa_p_256_sha_256() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#;
    let signature =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let key = SigningKey::from_jwk(Algorithm::Es256, jwk).unwrap();
    let input = format!("eyJhbGciOiJFUzI1NiJ9.{JOE}");
    assert_good_and_not_when_altered(&key.verifying_key(), &input, signature);
    // ECDSA signs anew each time; what it signs must verify all the same.
    let mut token = input.clone();
    key.sign_onto(&mut token).unwrap();
    let (signed, fresh) = token.rsplit_once('.').unwrap();
    assert_good_and_not_when_altered(&key.verifying_key(), signed, fresh);
    // The public half alone, and half a private key.
    assert_eq!(
        VerifyingKey::from_jwk(Algorithm::Es256, jwk).unwrap_err(),
        KeyError::WrongHalf
    );
    let (public, _) = jwk.rsplit_once(r#","d""#).unwrap();
    assert!(VerifyingKey::from_jwk(Algorithm::Es256, &format!("{public}}}")).is_ok());
    assert_eq!(
        SigningKey::from_jwk(Algorithm::Es256, &format!("{public}}}")).unwrap_err(),
        KeyError::WrongHalf
    );
    // A private member that belongs to another point.
    let foreign = jwk.replace("jpsQ", "jpsR");
    assert_eq!(
        SigningKey::from_jwk(Algorithm::Es256, &foreign).unwrap_err(),
        KeyError::Point
    );
}

#[test]
fn rfc_7515_a_4_ecdsa_p_521_is_not_supported_and_says_so() {
    let jwk = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4XUQWceiAFLL1","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
    for (algorithm, expected) in [(Algorithm::Es256, "P-256"), (Algorithm::Es384, "P-384")] {
        assert_eq!(
            VerifyingKey::from_jwk(algorithm, jwk).unwrap_err(),
            KeyError::CurveMismatch { expected }
        );
    }
}

#[test]
fn rfc_8037_a_4_ed25519() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = SigningKey::from_jwk(Algorithm::EdDsa, jwk).unwrap();
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let mut token = input.to_owned();
    key.sign_onto(&mut token).unwrap();
    assert_eq!(token, format!("{input}.{signature}"));
    assert_good_and_not_when_altered(&key.verifying_key(), input, signature);
    // A.3: its thumbprint.
    assert_eq!(
        key.verifying_key().thumbprint().unwrap(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
    let foreign = jwk.replace("nWGx", "nWGy");
    assert_eq!(
        SigningKey::from_jwk(Algorithm::EdDsa, &foreign).unwrap_err(),
        KeyError::Point
    );
}

#[test]
fn rfc_7638_3_1_thumbprint() {
    let jwk = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    let key = VerifyingKey::from_jwk(Algorithm::Rs256, jwk).unwrap();
    assert_eq!(
        key.thumbprint().unwrap(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    assert_eq!(key.kid(), Some("2011-04-29"));
}
