//! The error table: each row of it, from cause to response.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::body::to_bytes;
use axum::response::IntoResponse as _;
use core::time::Duration;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use portcullis::authenticator::{CurrentUserError, HashError};
use portcullis::bearer::BearerError;
use portcullis::extract::Rejection;
use portcullis::offload::Lost;
use portcullis::store::Outage;
use portcullis::test_util::cheap_hash_params;
use portcullis::token::{Algorithm, SigningKey, TokenError};
use portcullis::{PasswordHasher, Refusal, SignInError, TokenIssuer, UserId};

struct Row {
    cause: &'static str,
    refusal: Refusal,
    status: u16,
    challenge: Option<&'static str>,
    code: Option<&'static str>,
    retry_after: Option<&'static str>,
    detail: &'static str,
}

const INVALID_TOKEN: &str = r#"Bearer error="invalid_token""#;
const UNAVAILABLE: &str = "Service temporarily unavailable";

/// A store's error, with its outage at the end of the chain.
#[derive(Debug, thiserror::Error)]
#[error("secret")]
struct Behind(#[source] Outage);

/// One row for each line of the table on `Refusal`, and for each variant that leads there.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn table() -> Vec<Row> {
    let row = |cause, refusal, status, challenge, code, retry_after, detail| Row {
        cause,
        refusal,
        status,
        challenge,
        code,
        retry_after,
        detail,
    };
    let invalid = |cause, refusal| {
        let code = Some("invalid_token");
        row(
            cause,
            refusal,
            401,
            Some(INVALID_TOKEN),
            code,
            None,
            "Could not validate credentials",
        )
    };
    let credentials = |cause, refusal| {
        let code = Some("invalid_grant");
        row(
            cause,
            refusal,
            401,
            Some("Bearer"),
            code,
            None,
            "Incorrect username or password",
        )
    };
    let unavailable = |cause, refusal| {
        let code = Some("temporarily_unavailable");
        row(cause, refusal, 503, None, code, Some("1"), UNAVAILABLE)
    };
    let outage = |cause, refusal, status, detail| {
        let code = Some("temporarily_unavailable");
        row(cause, refusal, status, None, code, None, detail)
    };
    let throttled = SignInError::Throttled {
        retry_after: Duration::from_millis(29_001),
    };
    let hasher = PasswordHasher::new(cheap_hash_params()).unwrap();
    let too_long = hasher.hash(&"x".repeat(2000).into()).unwrap_err();
    vec![
        row(
            "no token",
            BearerError::Missing.into(),
            401,
            Some("Bearer"),
            None,
            None,
            "Not authenticated",
        ),
        invalid("malformed header", BearerError::Malformed.into()),
        invalid("account gone", Refusal::INVALID_TOKEN),
        row(
            "requirement not met",
            Refusal::INSUFFICIENT_SCOPE,
            403,
            Some(r#"Bearer error="insufficient_scope""#),
            Some("insufficient_scope"),
            None,
            "Not enough permissions",
        ),
        credentials(
            "wrong credentials",
            (&SignInError::InvalidCredentials).into(),
        ),
        credentials("disabled", (&SignInError::Disabled).into()),
        row(
            "throttled",
            (&throttled).into(),
            429,
            None,
            Some("slow_down"),
            Some("30"),
            "Too many failed sign-ins, try again later",
        ),
        unavailable("overloaded", (&SignInError::Busy).into()),
        unavailable(
            "store down",
            (&SignInError::Unavailable("secret".into())).into(),
        ),
        unavailable(
            "store down, it says",
            Refusal::store(&Behind(Outage::Unavailable)),
        ),
        outage(
            "store not reached",
            Refusal::store(&Behind(Outage::BadGateway)),
            502,
            "Upstream unavailable",
        ),
        outage(
            "store too slow at a sign-in",
            (&SignInError::Unavailable(Box::new(Behind(Outage::TimedOut)))).into(),
            504,
            "Upstream timed out",
        ),
        outage(
            "store too slow for a token's holder",
            (&CurrentUserError::Unavailable(Box::new(Behind(Outage::TimedOut)))).into(),
            504,
            "Upstream timed out",
        ),
        invalid("token's holder gone", (&CurrentUserError::Ended).into()),
        unavailable(
            "hashing overloaded",
            (&HashError::Overloaded(Lost::default())).into(),
        ),
        row(
            "hashing failed",
            (&HashError::Failed(too_long)).into(),
            500,
            None,
            Some("server_error"),
            None,
            "Internal Server Error",
        ),
    ]
}

#[test]
fn each_row_of_the_table_is_as_written() {
    for row in table() {
        let Row { cause, refusal, .. } = row;
        assert_eq!(refusal.status(), row.status, "{cause}");
        assert_eq!(refusal.code(), row.code, "{cause}");
        assert_eq!(refusal.detail(), row.detail, "{cause}");
        let challenge = refusal
            .challenge()
            .map(portcullis::bearer::Challenge::to_header_value);
        assert_eq!(
            challenge.as_ref().map(|value| value.to_str().unwrap()),
            row.challenge,
            "{cause}"
        );
        let retry_after = refusal.retry_after_value();
        assert_eq!(
            retry_after.as_ref().map(|value| value.to_str().unwrap()),
            row.retry_after,
            "{cause}"
        );
    }
}

#[tokio::test]
async fn each_row_becomes_a_response_of_the_same_content() {
    for row in table() {
        let cause = row.cause;
        let response = Rejection::from(row.refusal).into_response();
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(response.status(), row.status, "{cause}");
        assert_eq!(header(&CONTENT_TYPE), Some("application/json"), "{cause}");
        assert_eq!(header(&WWW_AUTHENTICATE), row.challenge, "{cause}");
        assert_eq!(header(&RETRY_AFTER), row.retry_after, "{cause}");
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        assert_eq!(body, format!(r#"{{"detail":"{}"}}"#, row.detail), "{cause}");
    }
}

#[test]
fn each_error_converts_by_reference_and_by_value_and_is_the_rejections_cause() {
    fn both<E>(error: impl Fn() -> E)
    where
        E: core::error::Error + 'static,
        Refusal: From<E> + for<'e> From<&'e E>,
        Rejection: From<E>,
    {
        let (refusal, rejection) = (Refusal::from(&error()), Rejection::from(error()));
        assert_eq!(refusal, Refusal::from(error()));
        assert_eq!(refusal, rejection.refusal());
        assert!(
            rejection
                .cause()
                .is_some_and(<dyn core::error::Error>::is::<E>)
        );
    }
    both(|| BearerError::Missing);
    both(|| BearerError::Malformed);
    both(|| TokenError::Expired);
    both(|| SignInError::Unavailable(Box::new(Behind(Outage::TimedOut))));
    both(|| CurrentUserError::Ended);
    both(|| HashError::Overloaded(Lost::default()));
    let key = SigningKey::generate(Algorithm::Hs256).unwrap();
    let issuer = TokenIssuer::builder("iss", "aud", key).build().unwrap();
    both(|| {
        issuer
            .issue_with(&UserId::new("1").unwrap(), &["no object"])
            .unwrap_err()
    });
    assert!(Rejection::from(Refusal::INTERNAL).cause().is_none());
}

#[test]
fn every_token_error_is_refused_alike() {
    let errors = [
        TokenError::TooLong,
        TokenError::Shape,
        TokenError::Header,
        TokenError::HeaderParameter,
        TokenError::Algorithm,
        TokenError::Type,
        TokenError::UnknownKey,
        TokenError::Signature,
        TokenError::Payload,
        TokenError::Claim("exp"),
        TokenError::MissingClaim("exp"),
        TokenError::Expired,
        TokenError::NotYetValid,
        TokenError::IssuedInFuture,
        TokenError::Lifetime,
        TokenError::Issuer,
        TokenError::Audience,
        TokenError::OwnClaims,
    ];
    for error in errors {
        assert_eq!(Refusal::from(&error), Refusal::INVALID_TOKEN, "{error}");
    }
}

#[test]
fn retry_after_is_rounded_up_to_whole_seconds() {
    let cases = [
        (Duration::ZERO, "1"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_millis(999), "1"),
        (Duration::from_secs(1), "1"),
        (Duration::new(1, 1), "2"),
        (Duration::from_millis(59_500), "60"),
        (Duration::from_secs(900), "900"),
        (Duration::MAX, "18446744073709551615"),
    ];
    for (wait, value) in cases {
        assert_eq!(
            Refusal::throttled(wait).retry_after_value().unwrap(),
            value,
            "{wait:?}"
        );
    }
}
