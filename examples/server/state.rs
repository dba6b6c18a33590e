//! [`AppState`]: the one place where the library is wired.

use crate::audit::Audit;
use crate::config::{Config, FirstUser, Limits, password_policy};
use crate::counted::Counted;
use crate::metrics::MeasuredPool;
use crate::policy;
use axum::extract::FromRef;
use core::fmt;
use core::ops::Deref;
use portcullis::directory::{NewUser, UserDirectory};
use portcullis::password::PasswordPolicy;
use portcullis::user::{Role, TenantId, User};
use portcullis::{Authenticator, PasswordHasher, TokenIssuer, TokenVerifier};
use std::sync::Arc;

type Failure = Box<dyn core::error::Error + Send + Sync>;

/// What every route can reach. Cheap to clone; clones share everything.
pub(crate) struct AppState<S>(Arc<Parts<S>>);

/// The parts themselves.
pub(crate) struct Parts<S> {
    pub(crate) users: Arc<S>,
    pub(crate) authenticator: Authenticator<Arc<S>, Counted>,
    pub(crate) issuer: TokenIssuer,
    pub(crate) verifier: TokenVerifier,
    pub(crate) password_policy: PasswordPolicy,
    /// The role of which each tenant must keep somebody.
    pub(crate) admin: Role,
    pub(crate) welcome: String,
    pub(crate) trusted_proxy_hops: usize,
    pub(crate) limits: Limits,
}

impl<S: UserDirectory> AppState<S> {
    /// Wires a store, a hasher and the configuration together.
    ///
    /// The hasher comes from the caller so that tests can hash cheaply.
    pub(crate) fn new(store: S, hasher: PasswordHasher, config: &Config) -> Result<Self, Failure> {
        let users = Arc::new(store);
        Ok(Self(Arc::new(Parts {
            authenticator: Authenticator::builder(Arc::clone(&users))
                .throttle(config.counted.clone())
                .hasher(hasher)
                .observer(Audit)
                .offload(MeasuredPool::default())
                .build()?,
            users,
            issuer: TokenIssuer::builder(&config.issuer, &config.audience, config.key.clone())
                .lifetime(config.lifetime)
                .build()?,
            // Its own bound on lifetimes, not today's: a restart with a shorter one must not end tokens already out.
            verifier: TokenVerifier::builder(
                &config.issuer,
                &config.audience,
                config.key.verifying_key(),
            )
            .build()?,
            password_policy: password_policy(),
            admin: Role::new(policy::ADMIN)?,
            welcome: config.welcome.clone(),
            trusted_proxy_hops: config.trusted_proxy_hops,
            limits: config.limits,
        })))
    }

    /// Creates the first user, an administrator of a fresh tenant, if the store holds nobody.
    pub(crate) async fn create_first(&self, first: &FirstUser) -> Result<Option<User>, Failure> {
        let mut tenant = [0; 16];
        aws_lc_rs::rand::fill(&mut tenant)?;
        let tenant = uuid::Builder::from_random_bytes(tenant).into_uuid();
        let mut new = NewUser::new(first.email.clone());
        new.role = Some(self.admin.clone());
        new.tenant_id = Some(TenantId::new(tenant.to_string())?);
        let hashed = self.authenticator.hash_password(first.password.clone());
        new.password_hash = Some(hashed.await?);
        Ok(self.users.create_first(new).await?)
    }
}

impl<S> Deref for AppState<S> {
    type Target = Parts<S>;

    fn deref(&self) -> &Parts<S> {
        &self.0
    }
}

impl<S> Clone for AppState<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for AppState<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").finish_non_exhaustive()
    }
}

// What the library's extractors ask for.

impl<S> FromRef<AppState<S>> for Arc<S> {
    fn from_ref(state: &AppState<S>) -> Self {
        Arc::clone(&state.users)
    }
}

impl<S> FromRef<AppState<S>> for TokenVerifier {
    fn from_ref(state: &AppState<S>) -> Self {
        state.verifier.clone()
    }
}
