//! Device tokens at sign-in: who is given one, and when it is void.

use super::*;
use portcullis::throttle::DeviceToken;

impl Stage {
    async fn with_token(
        &self,
        name: &str,
        password: &str,
        token: &str,
    ) -> Result<SignedIn<User>, SignInError> {
        let credentials = Credentials::new(format!("{name}@example.com"), password);
        let credentials = credentials.device_token(token);
        self.authenticator.sign_in(credentials).await
    }

    async fn token(&self, name: &str) -> DeviceToken {
        let signed_in = self.with_token(name, RIGHT, "").await.unwrap();
        signed_in.device_token.unwrap()
    }

    async fn lock(&self, name: &str) {
        for _ in 0..10 {
            self.sign_in(name, "wrong").await.unwrap_err();
        }
        let error = self.sign_in(name, RIGHT).await.unwrap_err();
        assert!(matches!(error, SignInError::Throttled { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_is_given_only_to_who_asks_and_stays_the_same() {
    let stage = Stage::new().await;
    let plain = stage.sign_in("anna", RIGHT).await.unwrap();
    assert!(plain.device_token.is_none());
    let credentials = Credentials::new("anna@example.com", RIGHT).remember_device();
    let asked = stage.authenticator.sign_in(credentials).await.unwrap();
    let token = asked.device_token.unwrap();
    let again = stage.with_token("anna", RIGHT, token.expose()).await;
    assert!(again.unwrap().device_token.is_none(), "it is still good");
    let renewed = stage.with_token("anna", RIGHT, "pdt_stale").await.unwrap();
    assert!(renewed.device_token.is_some());
    // Asking does not throw the one away that is sent.
    let credentials = Credentials::new("anna@example.com", RIGHT).device_token(token.expose());
    let both = stage.authenticator.sign_in(credentials.remember_device());
    assert!(both.await.unwrap().device_token.is_none());
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn when_the_secret_was_replaced_the_next_sign_in_gives_a_token_of_the_new_one() {
    use portcullis::opaque::ServerSecret;
    use portcullis::stores::sqlite::{SqliteStore, SqliteThrottle};
    const OLD: &[u8] = b"the old secret of this test, of 32 bytes";
    const NEW: &[u8] = b"the new secret of this test, of 32 bytes";
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let counters = SqliteStore::open(folder.path().join("counters.db")).await;
    let counters = counters.unwrap();
    let sign_in = async |secret: ServerSecret, token: &str| {
        let authenticator = Authenticator::builder(stage.store.clone())
            .hasher(cheap())
            .throttle(SqliteThrottle::new(&counters, secret))
            .build()
            .unwrap();
        let credentials = Credentials::new("anna@example.com", RIGHT).device_token(token);
        let signed_in = authenticator.sign_in(credentials).await.unwrap();
        signed_in
            .device_token
            .map(|token| token.expose().to_owned())
    };
    let of = |secret: &[u8]| ServerSecret::new(secret).unwrap();
    let old = sign_in(of(OLD), "").await.unwrap();
    let both = || of(NEW).with_previous(OLD).unwrap();
    assert_eq!(
        sign_in(of(OLD).with_previous(NEW).unwrap(), &old).await,
        None
    );
    let new = sign_in(both(), &old).await.unwrap();
    assert_eq!(sign_in(both(), &new).await, None);
    // The old secret can go.
    assert_eq!(sign_in(of(NEW), &new).await, None);
    assert!(sign_in(of(NEW), &old).await.is_some());
}

#[tokio::test]
async fn a_device_signs_in_while_strangers_keep_failing_on_the_account() {
    let stage = Stage::new().await;
    let token = stage.token("anna").await;
    stage.lock("anna").await;
    for _ in 0..3 {
        let answer = stage.with_token("anna", RIGHT, token.expose()).await;
        answer.unwrap();
    }
    // It signs nobody in by itself.
    let wrong = stage.with_token("anna", "wrong", token.expose()).await;
    assert!(matches!(wrong, Err(SignInError::InvalidCredentials)));
}

#[tokio::test]
async fn a_token_of_another_login_is_as_if_absent() {
    let stage = Stage::new().await;
    let token = stage.token("anna").await;
    stage.lock("dora").await;
    let error = stage.with_token("dora", RIGHT, token.expose()).await;
    assert!(matches!(error, Err(SignInError::Throttled { .. })));
}

#[tokio::test]
async fn a_change_of_password_voids_every_token_and_the_attempt_counts_for_the_account() {
    let stage = Stage::new().await;
    let token = stage.token("anna").await;
    let new = cheap().hash(&Password::new("a new password")).unwrap();
    let mut changes = UserChanges::default();
    changes.password_hash = Some(new);
    let id = stage.stored("anna").await.id;
    stage
        .store
        .users
        .update(None, &id, changes, None)
        .await
        .unwrap();
    for _ in 0..10 {
        let wrong = stage.with_token("anna", "wrong", token.expose()).await;
        assert!(matches!(wrong, Err(SignInError::InvalidCredentials)));
    }
    let limited = stage
        .with_token("anna", "a new password", token.expose())
        .await;
    assert!(
        matches!(limited, Err(SignInError::Throttled { .. })),
        "{limited:?}"
    );
    stage.clock.advance(Duration::from_secs(1));
    let back = stage
        .with_token("anna", "a new password", token.expose())
        .await;
    assert!(back.unwrap().device_token.is_some(), "a new one");
}
