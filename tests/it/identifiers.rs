//! Ids, roles and tenants that hide something: refused when they are created and in tokens, read where they are stored.

use portcullis::stores::sqlite::SqliteStore;
use portcullis::token::{Algorithm, SigningKey, TokenError};
use portcullis::user::{Role, TenantId};
use portcullis::{TokenIssuer, TokenVerifier, UserId, UserStore as _};

const HIDING: [&str; 14] = [
    " ",
    "   ",
    " admin",
    "admin ",
    "admin\u{a0}",
    "admin\u{200b}",
    "\u{202e}nimda",
    "a\u{2028}b",
    "\u{feff}admin",
    "\u{2800}",
    "admin\u{2800}",
    "adm\u{ad}in",
    "a\u{2066}b",
    "admin\u{3164}",
];

#[test]
fn an_identifier_that_hides_something_cannot_be_created() {
    for text in HIDING {
        assert!(UserId::new(text).is_err(), "{text:?}");
        assert!(Role::new(text).is_err(), "{text:?}");
        assert!(TenantId::new(text).is_err(), "{text:?}");
        let json = serde_json::to_string(text).unwrap();
        assert!(serde_json::from_str::<Role>(&json).is_err(), "{text:?}");
        let error = Role::new(text).unwrap_err().to_string();
        assert!(
            error.contains("invisible") && !error.contains("admin"),
            "{error}"
        );
    }
    for text in [
        "a",
        "two words",
        "Größe",
        "管理者",
        "مدير",
        "ação",
        "auth0|1",
        "👍",
    ] {
        assert_eq!(UserId::new(text).unwrap().as_str(), text);
    }
}

#[test]
fn a_stored_identifier_is_read_as_before() {
    for text in HIDING {
        assert_eq!(UserId::from_stored(text).unwrap().as_str(), text);
        assert_eq!(Role::from_stored(text).unwrap().as_str(), text);
        assert_eq!(TenantId::from_stored(text).unwrap().as_str(), text);
    }
    for text in ["", "a\nb", "a\0b", &"x".repeat(256)] {
        assert!(UserId::from_stored(text).is_err(), "{text:?}");
    }
    assert!(UserId::from_stored("ä".repeat(255)).is_ok());
}

#[test]
fn no_token_is_issued_for_such_an_id_and_one_that_has_it_is_refused() {
    let key = SigningKey::from_secret(
        Algorithm::Hs256,
        b"a secret of more than 32 bytes for tests only",
    )
    .unwrap();
    let verifier = TokenVerifier::builder("iss", "aud", key.verifying_key())
        .build()
        .unwrap();
    let issuer = TokenIssuer::builder("iss", "aud", key).build().unwrap();
    let good = issuer.issue(&UserId::new("admin").unwrap()).unwrap();
    let (header, rest) = good.expose().split_once('.').unwrap();
    let payload = rest.split_once('.').unwrap().0;
    let base64 = base64_simd::URL_SAFE_NO_PAD;
    let payload = String::from_utf8(base64.decode_to_vec(payload).unwrap()).unwrap();
    for text in HIDING {
        let id = UserId::from_stored(text).unwrap();
        let error = issuer.issue(&id).unwrap_err().to_string();
        assert!(error.contains("the subject"), "{error}");
        let sub = format!("\"sub\":{}", serde_json::to_string(text).unwrap());
        let hiding = payload.replace("\"sub\":\"admin\"", &sub);
        assert_ne!(hiding, payload);
        let input = format!("{header}.{}", base64.encode_to_string(hiding));
        let secret = aws_lc_rs::hmac::Key::new(
            aws_lc_rs::hmac::HMAC_SHA256,
            b"a secret of more than 32 bytes for tests only",
        );
        let tag = aws_lc_rs::hmac::sign(&secret, input.as_bytes());
        let token = format!("{input}.{}", base64.encode_to_string(tag));
        let found = verifier.verify(&token).map(|_| ());
        assert_eq!(found, Err(TokenError::Claim("sub")), "{text:?}");
    }
}

#[tokio::test]
async fn the_check_of_an_sqlite_database_lists_what_hides_something_and_it_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(
        store.check_identifiers().await.unwrap(),
        Vec::<String>::new()
    );
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let rows = [
        ("1", Some("admin"), Some("Größe 7")),
        ("2", Some("admin\u{200b}"), None),
        ("3 ", None, Some("\u{202e}tenant")),
        ("4", Some("管理者"), Some("two words")),
    ];
    for (id, role, tenant_id) in rows {
        let insert = sqlx::query(
            "INSERT INTO portcullis_users (id, email, role, tenant_id, created_at) VALUES (?1, ?1 || '@example.com', ?2, ?3, '')",
        );
        insert
            .bind(id)
            .bind(role)
            .bind(tenant_id)
            .execute(&pool)
            .await
            .unwrap();
    }
    assert_eq!(
        store.check_identifiers().await.unwrap(),
        [
            r#"user "2": the role "admin\u{200b}" has invisible characters, or white space at an end"#,
            r#"user "3 ": the id "3 " has invisible characters, or white space at an end"#,
            r#"user "3 ": the tenant id "\u{202e}tenant" has invisible characters, or white space at an end"#,
        ]
    );
    let found = store
        .find_by_id(&UserId::from_stored("2").unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.user.role.unwrap().as_str(), "admin\u{200b}");
    // More than can be listed: what is listed is bounded, and the pages come to an end.
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
                INSERT INTO portcullis_users (id, email, role, created_at) \
                SELECT 'u' || i, 'u' || i || '@example.com', iif(i > 2300, 'x ', 'two words'), '' FROM n";
    sqlx::query(many).execute(&pool).await.unwrap();
    assert_eq!(store.check_identifiers().await.unwrap().len(), 100);
}
