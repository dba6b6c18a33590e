//! The whole map of routes, as data: the router is made from it, and tests walk it.

use crate::config::Config;
use crate::edge::edge;
use crate::error::ApiError;
use crate::guard::authenticate;
use crate::routes::{agent, health, me, root, settings, token, users};
use crate::state::AppState;
use crate::{docs, openapi};
use axum::Router;
use axum::handler::Handler;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse as _;
use axum::routing::{MethodFilter, MethodRouter};
use core::time::Duration;
use portcullis::directory::UserDirectory;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;

/// The routes that anybody may call. Every other one asks for a token.
pub(crate) const PUBLIC: &[&str] = &[
    "/",
    "/token",
    "/settings",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/docs",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/start.js",
];

/// Every route there is.
pub(crate) fn map<S: UserDirectory>() -> Vec<Route<S>> {
    vec![
        Route::at("/").get(root::welcome),
        Route::at("/token").post(token::sign_in),
        Route::at("/users").get(users::list).post(users::create),
        Route::at("/users/me").get(me::read),
        Route::at("/users/{user_id}")
            .get(users::read)
            .patch(users::change)
            .delete(users::delete),
        Route::at("/agent").get(agent::principal),
        Route::at("/settings").get(settings::read),
        Route::at("/healthz").get(health::alive),
        Route::at("/readyz").get(health::ready),
        Route::at("/openapi.json").get(openapi::document),
        Route::at("/docs").get(docs::page),
        Route::at("/docs/swagger-ui.css").get(docs::style),
        Route::at("/docs/swagger-ui-bundle.js").get(docs::script),
        Route::at("/docs/start.js").get(docs::start),
    ]
}

/// Puts the application together.
pub(crate) fn router<S: UserDirectory>(state: AppState<S>, config: &Config) -> Router {
    let guard = from_fn_with_state(state.clone(), authenticate::<S>);
    let mut router = Router::new();
    for route in map() {
        let public = PUBLIC.contains(&route.path);
        // The root itself: `/` where nothing is in front, else `/auth` and `/auth/`.
        let path = match (config.base_path.as_str(), route.path) {
            ("", path) => path.to_owned(),
            (base, "/") => base.to_owned(),
            (base, path) => format!("{base}{path}"),
        };
        let mut methods = route.into_methods();
        if !public {
            // A route_layer leaves the 405 alone, so that it comes before the 401, as the 404 does.
            methods = methods.route_layer(guard.clone());
        }
        if path != "/" {
            // The form with a trailing slash is the same route: a redirect would echo the client's Host.
            router = router.route(&format!("{path}/"), methods.clone());
        }
        router = router.route(&path, methods);
    }
    router = router
        .fallback(async || ApiError::NoSuchRoute)
        .layer(CatchPanicLayer::custom(|_| {
            // The panic's text may hold anything; the hook in main logs where it happened.
            ApiError::Internal.into_response()
        }));
    if !config.cors_origins.is_empty() {
        router = router.layer(cors(&config.cors_origins));
    }
    router
        .layer(from_fn_with_state(state.clone(), edge::<S>))
        .with_state(state)
}

/// Pages of exactly these origins may call, with a bearer token but never with cookies.
fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("x-total-count"),
            HeaderName::from_static("x-request-id"),
        ])
        .max_age(Duration::from_secs(600))
}

/// A path and what can be done there.
pub(crate) struct Route<S> {
    pub(crate) path: &'static str,
    pub(crate) methods: Vec<&'static str>,
    handlers: MethodRouter<AppState<S>>,
}

impl<S: UserDirectory> Route<S> {
    fn at(path: &'static str) -> Self {
        Self {
            path,
            methods: Vec::new(),
            handlers: MethodRouter::new(),
        }
    }

    fn get<H: Handler<T, AppState<S>>, T: 'static>(self, handler: H) -> Self {
        // HEAD is GET without the body, and is guarded alike.
        self.on(MethodFilter::GET, &["GET", "HEAD"], handler)
    }

    fn post<H: Handler<T, AppState<S>>, T: 'static>(self, handler: H) -> Self {
        self.on(MethodFilter::POST, &["POST"], handler)
    }

    fn patch<H: Handler<T, AppState<S>>, T: 'static>(self, handler: H) -> Self {
        self.on(MethodFilter::PATCH, &["PATCH"], handler)
    }

    fn delete<H: Handler<T, AppState<S>>, T: 'static>(self, handler: H) -> Self {
        self.on(MethodFilter::DELETE, &["DELETE"], handler)
    }

    fn on<H: Handler<T, AppState<S>>, T: 'static>(
        mut self,
        filter: MethodFilter,
        names: &[&'static str],
        handler: H,
    ) -> Self {
        self.methods.extend(names);
        self.handlers = self.handlers.on(filter, handler);
        self
    }

    /// The handlers, and for other methods a 405 that lists all there are.
    fn into_methods(self) -> MethodRouter<AppState<S>> {
        let allow =
            HeaderValue::from_str(&self.methods.join(", ")).unwrap_or(HeaderValue::from_static(""));
        self.handlers
            .fallback(async move || ApiError::WrongMethod(allow.clone()))
    }
}
