//! Nothing that holds a secret shows it: not in `Debug`, not in an error, not in an event.

use core::error::Error;
use core::fmt::Debug;
use http::header::{AUTHORIZATION, HeaderMap};
use portcullis::authenticator::Credentials;
use portcullis::bearer::BearerToken;
use portcullis::directory::{NewUser, UserChanges, UserDirectory};
use portcullis::event::{Event, Observer};
use portcullis::extract::Verified;
use portcullis::offload::Inline;
use portcullis::opaque::ServerSecret;
use portcullis::stores::memory::MemoryStore;
use portcullis::stores::sqlite::SqliteStore;
use portcullis::stores::supabase::{SupabaseKey, SupabaseStore, SupabaseThrottle};
use portcullis::test_util::cheap_hash_params;
use portcullis::throttle::Attempt;
use portcullis::token::{Algorithm, SigningKey, VerifyingKey};
use portcullis::{
    Account, Authenticator, Password, PasswordHash, PasswordHasher, TokenIssuer, TokenVerifier,
    UserId, UserStore,
};
use std::sync::{Arc, Mutex, PoisonError};

const CANARY: &str = "canary-7f3a-secret-of-32-bytes!!";

/// The canary in the forms it might slip out in: text, a list of bytes, hexadecimal, base64.
fn leaks(shown: &str) -> bool {
    let shown = shown.to_lowercase();
    [
        "canary-7f3a",
        "99, 97, 110, 97, 114, 121",
        "63616e617279",
        "y2fuyxj5",
    ]
    .iter()
    .any(|form| shown.contains(form))
}

#[track_caller]
fn hidden(value: &impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!leaks(&shown), "{shown}");
    }
}

#[track_caller]
fn hidden_error(error: &dyn Error) {
    hidden(&error);
    let mut next = Some(error);
    while let Some(error) = next {
        assert!(!leaks(&error.to_string()), "{error}");
        next = error.source();
    }
}

#[test]
fn a_leak_would_be_noticed() {
    use base64_simd::STANDARD;
    assert!(leaks(CANARY));
    assert!(leaks(&format!("Key({:?})", CANARY.as_bytes())));
    assert!(leaks("63616E6172792D37"));
    assert!(leaks(&STANDARD.encode_to_string(CANARY)));
    assert!(!leaks("<redacted>"));
}

#[test]
fn passwords_and_hashes_are_hidden_wherever_they_stand() {
    let hash = || PasswordHash::from_stored(CANARY);
    hidden(&Password::new(CANARY));
    hidden(&hash());
    // People type passwords into the field of the login.
    hidden(&Credentials::new(CANARY, CANARY));
    hidden(&Attempt::new(CANARY, None));
    let mut account = Account::new(UserId::new("1").unwrap(), ());
    account.password_hash = Some(hash());
    hidden(&account);
    let mut new = NewUser::new("a@example.com".parse().unwrap());
    new.password_hash = Some(hash());
    hidden(&new);
    let mut changes = UserChanges::default();
    changes.password_hash = Some(hash());
    hidden(&changes);
}

#[test]
fn keys_and_tokens_are_hidden_wherever_they_stand() {
    let secret = CANARY.as_bytes();
    let key = SigningKey::from_secret(Algorithm::Hs256, secret).unwrap();
    let verifying = VerifyingKey::from_secret(Algorithm::Hs256, secret).unwrap();
    hidden(&key);
    hidden(&verifying);
    let builder = TokenVerifier::builder("issuer", "audience", verifying);
    hidden(&builder);
    let verifier = builder.build().unwrap();
    hidden(&verifier);
    let builder = TokenIssuer::builder("issuer", "audience", key);
    hidden(&builder);
    let issuer = builder.build().unwrap();
    hidden(&issuer);

    let own = serde_json::json!({ "note": CANARY });
    let token = issuer.issue_with(&UserId::new("1").unwrap(), &own).unwrap();
    assert!(!format!("{token:?}").contains(token.expose()));
    let claims = verifier
        .verify_with::<serde_json::Value>(token.expose())
        .unwrap();
    assert_eq!(claims.extra()["note"], CANARY);
    hidden(&claims);
    hidden(&Verified(claims.into()));

    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        format!("Bearer {}", &CANARY[..30]).parse().unwrap(),
    );
    hidden(&BearerToken::from_headers(&headers).unwrap());
}

#[test]
fn errors_of_keys_and_tokens_do_not_echo_their_input() {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----");
    let jwk = format!(r#"{{"kty":"oct","k":"{CANARY}","alg":"{CANARY}"}}"#);
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Hs512,
        Algorithm::EdDsa,
        Algorithm::Rs256,
    ] {
        for error in [
            SigningKey::from_secret(algorithm, &CANARY.as_bytes()[..31]).err(),
            SigningKey::from_secret(algorithm, pem.as_bytes()).err(),
            SigningKey::from_pem(algorithm, pem.as_bytes()).err(),
            SigningKey::from_jwk(algorithm, &jwk).err(),
        ] {
            hidden_error(&error.expect("a key that is refused"));
        }
    }
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let verifier = TokenVerifier::builder("issuer", "audience", key.verifying_key())
        .build()
        .unwrap();
    let issuer = TokenIssuer::builder("elsewhere", "audience", key)
        .build()
        .unwrap();
    let own = serde_json::json!({ "note": CANARY });
    let token = issuer
        .issue_with(&UserId::new(CANARY).unwrap(), &own)
        .unwrap();
    hidden_error(&verifier.verify(token.expose()).unwrap_err());
    hidden_error(&verifier.verify(CANARY).unwrap_err());
    let reserved = serde_json::json!({ "sub": CANARY });
    hidden_error(
        &issuer
            .issue_with(&UserId::new("1").unwrap(), &reserved)
            .unwrap_err(),
    );
}

#[test]
fn errors_of_names_and_passwords_do_not_echo_their_input() {
    hidden_error(&UserId::new(format!("{CANARY}\n")).unwrap_err());
    hidden_error(&portcullis::user::Email::parse(CANARY).unwrap_err());
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    hidden(&hasher);
    hidden_error(&hasher.hash(&Password::new(CANARY.repeat(100))).unwrap_err());
    hidden_error(&PasswordHash::from_stored(CANARY).params().unwrap_err());
}

/// Writes down every event as it would stand in a log.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Observer for Log {
    fn observe(&self, event: Event<'_>) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(format!("{event:?}"));
    }
}

#[tokio::test]
async fn neither_a_sign_in_nor_its_events_show_what_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("users.db"))
        .await
        .unwrap();
    let log = Log::default();
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    let mut new = NewUser::new("anna@example.com".parse().unwrap());
    new.password_hash = Some(hasher.hash(&CANARY.into()).unwrap());
    store.create(new).await.unwrap();
    let builder = Authenticator::builder(store.clone())
        .hasher(hasher)
        .offload(Inline::default())
        .observer(log.clone());
    hidden(&builder);
    let authenticator = builder.build().unwrap();
    hidden(&authenticator);

    let sign_in = async |login: &str, password: &str| {
        authenticator
            .sign_in(Credentials::new(login, password))
            .await
    };
    hidden(&sign_in("anna@example.com", CANARY).await.unwrap());
    hidden_error(
        &sign_in("anna@example.com", &format!("{CANARY}x"))
            .await
            .unwrap_err(),
    );
    hidden_error(&sign_in(CANARY, CANARY).await.unwrap_err());
    store.close().await;
    hidden_error(&sign_in("anna@example.com", CANARY).await.unwrap_err());

    let events = log.0.lock().unwrap();
    assert_eq!(events.len(), 4, "{events:?}");
    assert!(!events.iter().any(|event| leaks(event)), "{events:?}");
}

#[tokio::test]
async fn stores_hide_what_they_hold() {
    let store = MemoryStore::new();
    let mut new = NewUser::new("canary-7f3a@example.com".parse().unwrap());
    new.password_hash = Some(PasswordHash::from_stored(CANARY));
    store.create(new).await.unwrap();
    hidden(&store);
    let account = store
        .find_by_login("canary-7f3a@example.com")
        .await
        .unwrap()
        .unwrap();
    hidden(&account.password_hash);

    let key = SupabaseKey::new(&format!("sb_secret_{CANARY}")).unwrap();
    hidden(&key);
    let place = format!("https://x.example/{CANARY}");
    let builder = SupabaseStore::builder(place, key);
    hidden(&builder);
    let store = builder.build().unwrap();
    hidden(&store);
    let secret = ServerSecret::new(CANARY.repeat(2).as_bytes()).unwrap();
    let throttle = SupabaseThrottle::new(&store, secret);
    hidden(&throttle.legacy_secret(CANARY.as_bytes()));
}
