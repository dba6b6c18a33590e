//! [`AppState`]: the one place where the library is wired.

use crate::audit::Audit;
use crate::client_address::ClientAddress;
use crate::config::{Config, ConfigError, FirstUser, password_policy};
use crate::error::ApiError;
use crate::limits::Limits;
use crate::metrics::metrics;
use crate::policy;
use crate::sign_in_throttle::SignInThrottle;
use axum::extract::FromRef;
use core::fmt;
use core::ops::Deref;
use portcullis::directory::{NewUser, UserDirectory};
use portcullis::password::PasswordPolicy;
use portcullis::user::{Role, TenantId, User};
use portcullis::{Authenticator, PasswordHasher, TokenIssuer, TokenVerifier};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::RwLock;
use tracing::Instrument as _;

type Failure = Box<dyn core::error::Error + Send + Sync>;

/// What every route can reach. Cheap to clone; clones share everything.
pub(crate) struct AppState<S>(Arc<Parts<S>>);

/// The parts themselves.
pub(crate) struct Parts<S> {
    pub(crate) users: Arc<S>,
    pub(crate) authenticator: Authenticator<Arc<S>, SignInThrottle>,
    pub(crate) issuer: TokenIssuer,
    pub(crate) verifier: TokenVerifier,
    pub(crate) password_policy: PasswordPolicy,
    /// The role of which each tenant must keep somebody.
    pub(crate) admin: Role,
    pub(crate) welcome: String,
    pub(crate) client_address: ClientAddress,
    pub(crate) limits: Limits,
    /// The path all routes are under; empty if they are at the root.
    pub(crate) base_path: String,
    /// Whether the server was told to stop, so that no more requests are to be sent to it.
    pub(crate) draining: AtomicBool,
    /// Read by each change of a user while it is under way.
    pub(crate) changes: RwLock<()>,
}

impl<S: UserDirectory> AppState<S> {
    /// Wires a store, a hasher and the configuration together.
    ///
    /// The hasher comes from the caller so that tests can hash cheaply.
    pub(crate) fn new(store: S, hasher: PasswordHasher, config: &Config) -> Result<Self, Failure> {
        let users = Arc::new(store);
        let authenticator = Authenticator::builder(Arc::clone(&users))
            .throttle(config.throttle.clone())
            .hasher(hasher)
            .observer(Audit)
            .build()?;
        let measured = authenticator.clone();
        metrics().read_hash_queue_by(move || measured.hash_queue());
        Ok(Self(Arc::new(Parts {
            authenticator,
            users,
            issuer: TokenIssuer::builder(&config.issuer, &config.audience, config.key.clone())
                .lifetime(config.lifetime)
                .build()
                .map_err(|error| ConfigError::new(format!("ISSUER or AUDIENCE: {error}")))?,
            // Its own bound on lifetimes, not today's: a restart with a shorter one must not end tokens already out.
            verifier: TokenVerifier::builder(
                &config.issuer,
                &config.audience,
                config.accepted_keys.clone(),
            )
            .observer(Audit)
            .build()?,
            password_policy: password_policy(),
            admin: Role::new(policy::ADMIN)?,
            welcome: config.welcome.clone(),
            client_address: ClientAddress::new(config.trusted_proxy_hops),
            limits: config.limits,
            base_path: config.base_path.clone(),
            draining: AtomicBool::new(false),
            changes: RwLock::default(),
        })))
    }

    /// Runs a change to its end, also when the client hangs up and the handler's future is dropped: else a change would be
    /// made without its log line, and without what has to be forgotten.
    pub(crate) async fn run_to_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let state = self.clone();
        let change = async move {
            let _under_way = state.changes.read().await;
            change.await
        };
        // The task ends without a result if it panics, which the hook in `log` reports.
        let ended = tokio::spawn(change.in_current_span()).await;
        ended.unwrap_or(Err(ApiError::Internal))
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
