//! The same keys and claims in the hands of portcullis, `jsonwebtoken` and the raw primitives of aws-lc-rs.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaKeyPair,
};
use base64_simd::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use portcullis::token::{Algorithm, Scratch, SigningKey};
use portcullis::{AccessToken, Claims, TokenIssuer, TokenVerifier, UserId};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://auth.example.com/";
const AUDIENCE: &str = "https://api.example.com";
const SUBJECT: &str = "8f14e45f-ceea-467f-a5d6-1b1c7a3c9e0b";

/// The application's own claims.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Own {
    pub(crate) role: String,
    email: String,
}

/// The same, borrowed.
#[derive(Debug, Deserialize)]
pub(crate) struct OwnRef<'a> {
    #[expect(dead_code, reason = "only its reading matters")]
    role: &'a str,
    #[expect(dead_code, reason = "only its reading matters")]
    email: &'a str,
}

fn own() -> Own {
    Own {
        role: "administrator".into(),
        email: "somebody.else@example.com".into(),
    }
}

/// All claims in one struct, as `jsonwebtoken` wants them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct All {
    iss: String,
    aud: String,
    pub(crate) sub: String,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    jti: String,
    role: String,
    email: String,
}

/// What a token that is verified says: a size often seen.
const CLAIMS_BYTES: usize = 267;
/// The longest that verifiers accept by default.
const LIFETIME: Duration = TokenIssuer::MAX_LIFETIME;

/// The claims of a token that is verified.
fn all() -> All {
    let own = own();
    let iat = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    All {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: SUBJECT.into(),
        iat,
        exp: iat.saturating_add(LIFETIME.as_secs()),
        nbf: Some(iat),
        jti: "3b1f8c52-6f0e-4b7a-9d5c-2e8a7f40c6d1".into(),
        role: own.role,
        email: own.email,
    }
}

/// One key, in the hands of all three.
struct Keys {
    peer_algorithm: jsonwebtoken::Algorithm,
    signing: SigningKey,
    peer_signing: EncodingKey,
    peer_verifying: DecodingKey,
    raw: Raw,
}

enum Raw {
    Hmac(Box<hmac::Key>),
    Ecdsa(EcdsaKeyPair, ParsedPublicKey),
    Ed25519(Ed25519KeyPair, ParsedPublicKey),
    Rsa(RsaKeyPair, ParsedPublicKey),
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn hs256() -> Keys {
    let secret = *b"0123456789abcdefghijklmnopqrstuv";
    Keys {
        peer_algorithm: jsonwebtoken::Algorithm::HS256,
        signing: SigningKey::from_secret(Algorithm::Hs256, &secret).unwrap(),
        peer_signing: EncodingKey::from_secret(&secret),
        peer_verifying: DecodingKey::from_secret(&secret),
        raw: Raw::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret))),
    }
}

fn es256() -> Keys {
    let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    let public =
        ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key()).unwrap();
    Keys {
        peer_algorithm: jsonwebtoken::Algorithm::ES256,
        signing: SigningKey::from_pem(
            Algorithm::Es256,
            pem("PRIVATE KEY", der.as_ref()).as_bytes(),
        )
        .unwrap(),
        peer_signing: EncodingKey::from_ec_der(der.as_ref()),
        peer_verifying: DecodingKey::from_ec_der(pair.public_key().as_ref()),
        raw: Raw::Ecdsa(pair, public),
    }
}

fn eddsa() -> Keys {
    let pair = Ed25519KeyPair::generate().unwrap();
    let der = pair.to_pkcs8().unwrap();
    let public = ParsedPublicKey::new(&signature::ED25519, pair.public_key()).unwrap();
    Keys {
        peer_algorithm: jsonwebtoken::Algorithm::EdDSA,
        signing: SigningKey::from_pem(
            Algorithm::EdDsa,
            pem("PRIVATE KEY", der.as_ref()).as_bytes(),
        )
        .unwrap(),
        peer_signing: EncodingKey::from_ed_der(der.as_ref()),
        peer_verifying: DecodingKey::from_ed_der(pair.public_key().as_ref()),
        raw: Raw::Ed25519(pair, public),
    }
}

fn rs256() -> Keys {
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der = pair.as_der().unwrap();
    let private_pem = pem("PRIVATE KEY", der.as_ref());
    let public =
        ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, pair.public_key()).unwrap();
    Keys {
        peer_algorithm: jsonwebtoken::Algorithm::RS256,
        signing: SigningKey::from_pem(Algorithm::Rs256, private_pem.as_bytes()).unwrap(),
        peer_signing: EncodingKey::from_rsa_pem(private_pem.as_bytes()).unwrap(),
        peer_verifying: DecodingKey::from_rsa_der(pair.public_key().as_ref()),
        raw: Raw::Rsa(pair, public),
    }
}

/// What `jsonwebtoken` checks when it is told to check what we check.
fn validation(algorithm: jsonwebtoken::Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    validation
}

fn raw_verify(raw: &Raw, input: &[u8], signature: &[u8]) -> bool {
    match raw {
        Raw::Hmac(key) => hmac::verify(key, input, signature).is_ok(),
        Raw::Ecdsa(_, key) | Raw::Ed25519(_, key) | Raw::Rsa(_, key) => {
            key.verify_sig(input, signature).is_ok()
        }
    }
}

fn raw_sign(raw: &Raw, input: &[u8]) -> usize {
    match raw {
        Raw::Hmac(key) => hmac::sign(key, input).as_ref().len(),
        Raw::Ecdsa(pair, _) => pair
            .sign(&SystemRandom::new(), input)
            .unwrap()
            .as_ref()
            .len(),
        Raw::Ed25519(pair, _) => pair.sign(input).as_ref().len(),
        Raw::Rsa(pair, _) => {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(
                &signature::RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                input,
                &mut signature,
            )
            .unwrap();
            signature.len()
        }
    }
}

/// One algorithm's contest: each method does the same work on the same token.
pub(crate) struct Contest {
    pub(crate) token: String,
    pub(crate) verifier: TokenVerifier,
    pub(crate) caching: TokenVerifier,
    issuer: TokenIssuer,
    subject: UserId,
    own: Own,
    peer_signing: EncodingKey,
    peer_verifying: DecodingKey,
    peer_header: jsonwebtoken::Header,
    peer_claims: All,
    validation: Validation,
    raw: Raw,
    input: String,
    signature: Vec<u8>,
    to_sign: String,
}

/// The contest of an algorithm; whatever it times has been seen to succeed. Of those there are keys for: HS256, ES256,
/// `EdDSA` and RS256.
pub(crate) fn contest(algorithm: Algorithm) -> Contest {
    // `jsonwebtoken` wants to be told which of its two backends to use; portcullis never asks it.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        .install_default()
        .ok();
    Contest::new(match algorithm {
        Algorithm::Es256 => es256(),
        Algorithm::EdDsa => eddsa(),
        Algorithm::Rs256 => rs256(),
        _ => hs256(),
    })
}

pub(crate) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Hs256,
    Algorithm::Es256,
    Algorithm::EdDsa,
    Algorithm::Rs256,
];

impl Contest {
    fn new(keys: Keys) -> Self {
        let Keys {
            peer_algorithm,
            signing,
            peer_signing,
            peer_verifying,
            raw,
        } = keys;
        let subject = UserId::new(SUBJECT).unwrap();
        let verifier = TokenVerifier::builder(ISSUER, AUDIENCE, signing.verifying_key())
            .build()
            .unwrap();
        let caching = TokenVerifier::builder(ISSUER, AUDIENCE, signing.verifying_key())
            .cache(1 << 20)
            .build()
            .unwrap();
        let issuer = TokenIssuer::builder(ISSUER, AUDIENCE, signing)
            .lifetime(LIFETIME)
            .build()
            .unwrap();
        let peer_header = jsonwebtoken::Header {
            typ: Some("at+jwt".into()),
            ..jsonwebtoken::Header::new(peer_algorithm)
        };
        let token = jsonwebtoken::encode(&peer_header, &all(), &peer_signing).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let (input, signature) = (
            input.to_owned(),
            URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap(),
        );
        assert_eq!(serde_json::to_vec(&all()).unwrap().len(), CLAIMS_BYTES);
        // What our issuer writes, which gives `jti` 128 bits and leaves `nbf` out.
        let peer_claims = All {
            nbf: None,
            jti: "AAAAAAAAAAAAAAAAAAAAAA".into(),
            ..all()
        };
        let validation = validation(peer_algorithm);
        let to_sign = jsonwebtoken::encode(&peer_header, &peer_claims, &peer_signing).unwrap();
        let contest = Self {
            token,
            verifier,
            caching,
            issuer,
            subject,
            own: own(),
            peer_signing,
            peer_verifying,
            peer_header,
            peer_claims,
            validation,
            raw,
            input,
            signature,
            to_sign: to_sign.rsplit_once('.').unwrap().0.to_owned(),
        };
        assert_eq!(contest.verify().extra().role, "administrator");
        assert!(Arc::ptr_eq(&contest.hit(), &contest.hit()));
        assert_eq!(contest.peer_verify().claims.sub, SUBJECT);
        assert!(contest.raw_verify());
        let ours = contest.issue().expose().rsplit_once('.').unwrap().0.len();
        assert_eq!(ours, contest.to_sign.len());
        assert!(!contest.peer_issue().is_empty() && contest.raw_sign() > 0);
        contest
    }

    pub(crate) fn verify(&self) -> Claims<Own> {
        self.verifier.verify_with(black_box(&self.token)).unwrap()
    }

    pub(crate) fn verify_borrowed(&self, scratch: &mut Scratch) {
        let token = black_box(&self.token);
        let claims = self.verifier.verify_borrowed::<OwnRef<'_>>(token, scratch);
        black_box(claims.unwrap());
    }

    /// A token that the verifier's cache knows.
    pub(crate) fn hit(&self) -> Arc<Claims<Own>> {
        self.caching.verify_shared(black_box(&self.token)).unwrap()
    }

    pub(crate) fn peer_verify(&self) -> jsonwebtoken::TokenData<All> {
        self.peer_decode(black_box(&self.token)).unwrap()
    }

    /// For tokens that come from outside.
    pub(crate) fn peer_decode(
        &self,
        token: &str,
    ) -> jsonwebtoken::errors::Result<jsonwebtoken::TokenData<All>> {
        jsonwebtoken::decode(token, &self.peer_verifying, &self.validation)
    }

    pub(crate) fn raw_verify(&self) -> bool {
        raw_verify(&self.raw, black_box(self.input.as_bytes()), &self.signature)
    }

    pub(crate) fn issue(&self) -> AccessToken {
        self.issuer
            .issue_with(black_box(&self.subject), &self.own)
            .unwrap()
    }

    pub(crate) fn peer_issue(&self) -> String {
        jsonwebtoken::encode(
            &self.peer_header,
            black_box(&self.peer_claims),
            &self.peer_signing,
        )
        .unwrap()
    }

    pub(crate) fn raw_sign(&self) -> usize {
        raw_sign(&self.raw, black_box(self.to_sign.as_bytes()))
    }
}
