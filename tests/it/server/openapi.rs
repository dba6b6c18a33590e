//! The `OpenAPI` document and the page that shows it. They are texts of the program: no store is asked.

use super::Town;
use crate::app::{self, PUBLIC};
use crate::config::password_policy;
use crate::openapi::DOCUMENT;
use portcullis::password::MAX_PASSWORD_BYTES;
use portcullis::stores::memory::MemoryStore;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Each operation of the document: method, path, operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found
}

#[tokio::test]
async fn the_document_lists_exactly_the_routes_there_are() {
    let town = Town::new().await;
    let answer = town.call("GET", "/openapi.json", "").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let listed: BTreeSet<(String, String)> = operations(&document)
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    let routed: BTreeSet<(String, String)> = app::map::<MemoryStore>()
        .into_iter()
        // The document and its page don't describe themselves; HEAD goes without saying.
        .filter(|route| !route.path.starts_with("/docs") && route.path != "/openapi.json")
        .flat_map(|route| {
            let methods = route.methods.into_iter().filter(|method| *method != "HEAD");
            methods
                .map(|method| (method.to_owned(), route.path.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(listed, routed);
}

#[test]
fn operation_ids_schemas_and_the_security_scheme_are_the_originals() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    for (method, path, id) in [
        ("POST", "/token", "login_for_access_token_token_post"),
        ("GET", "/users", "read_users_users_get"),
        ("POST", "/users", "create_user_users_post"),
        ("GET", "/users/{user_id}", "read_user_users__user_id__get"),
        (
            "PATCH",
            "/users/{user_id}",
            "update_user_users__user_id__patch",
        ),
        (
            "DELETE",
            "/users/{user_id}",
            "delete_user_users__user_id__delete",
        ),
        ("GET", "/", "root__get"),
    ] {
        assert_eq!(
            document["paths"][path][method.to_lowercase()]["operationId"],
            id
        );
    }
    for schema in [
        "Token",
        "User",
        "UserCreate",
        "UserUpdate",
        "HTTPValidationError",
        "ValidationError",
        "Body_login_for_access_token_token_post",
    ] {
        assert!(
            document["components"]["schemas"][schema].is_object(),
            "{schema}"
        );
    }
    assert_eq!(
        document["components"]["securitySchemes"],
        json!({"OAuth2PasswordBearer": {"type": "oauth2", "flows": {"password": {"scopes": {}, "tokenUrl": "token"}}}})
    );
    assert!(document.get("servers").is_none());
    assert!(!DOCUMENT.contains("://"));
}

#[test]
fn every_operation_declares_its_failures_and_whether_it_needs_a_token() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let declares = |status: &str| operation["responses"].get(status).is_some();
        let protected = !PUBLIC.contains(&path.as_str());
        assert_eq!(
            operation.get("security").is_some(),
            protected,
            "{method} {path}"
        );
        let mut expected = vec!["500"];
        if protected {
            expected.extend(["401", "503"]);
        }
        if operation.get("requestBody").is_some() {
            expected.extend(["400", "408", "413", "422", "501"]);
        }
        if path.starts_with("/users") && path != "/users/me" {
            expected.extend(["403", "422"]);
        }
        if path.contains('{') {
            expected.push("404");
        }
        if path == "/token" || method == "PATCH" {
            expected.push("429");
        }
        if [
            "POST /users",
            "PATCH /users/{user_id}",
            "DELETE /users/{user_id}",
        ]
        .contains(&format!("{method} {path}").as_str())
        {
            expected.push("409");
        }
        for status in expected {
            assert!(
                declares(status),
                "{method} {path} does not declare {status}"
            );
        }
        assert!(
            ids.insert(operation["operationId"].to_string()),
            "an id came twice"
        );
    }
}

#[test]
fn a_sign_in_is_declared_as_one_form_alone() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let content = &document["paths"]["/token"]["post"]["requestBody"]["content"];
    let declared: Vec<&String> = content.as_object().unwrap().keys().collect();
    // Of two, openapi-python-client writes a module that can't be imported.
    assert_eq!(declared, ["application/x-www-form-urlencoded"]);
}

#[test]
fn the_lengths_of_passwords_are_those_of_the_policy_and_the_hasher() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let policy = password_policy();
    for (schema, name, least) in [
        ("UserCreate", "password", policy.min_length()),
        ("UserUpdate", "password", policy.min_length()),
        // What was set once is not measured by today's policy.
        ("UserUpdate", "current_password", 1),
        ("Body_login_for_access_token_token_post", "password", 1),
    ] {
        let password = &document["components"]["schemas"][schema]["properties"][name];
        assert_eq!(password["minLength"], least, "{schema} {name}");
        assert_eq!(
            password["maxLength"],
            policy.max_length(),
            "{schema} {name}"
        );
        assert_eq!(password["format"], "password", "{schema} {name}");
    }
    assert_eq!(policy.max_length(), MAX_PASSWORD_BYTES);
}

#[test]
fn every_link_leads_to_an_operation_and_a_parameter_that_it_has() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let operations = operations(&document);
    let mut links = 0;
    for (_, _, operation) in &operations {
        for response in operation["responses"].as_object().unwrap().values() {
            for link in response["links"]
                .as_object()
                .into_iter()
                .flat_map(|links| links.values())
            {
                let target = operations
                    .iter()
                    .find(|(_, _, other)| other["operationId"] == link["operationId"]);
                let (_, path, _) = target.unwrap();
                for name in link["parameters"].as_object().unwrap().keys() {
                    assert!(path.contains(&format!("{{{name}}}")), "{link}");
                }
                links += 1;
            }
        }
    }
    assert!(links > 0);
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, part: &Value) {
        match part {
            Value::Object(map) => {
                if let Some(target) = map.get("$ref") {
                    let pointer = target.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{pointer}");
                }
                map.values().for_each(|value| walk(document, value));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(document, value)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    walk(&document, &document);
}

#[tokio::test]
async fn the_docs_page_comes_whole_from_here_under_a_strict_policy() {
    let town = Town::new().await;
    for (page, root) in [("/docs", "./"), ("/docs/", "../")] {
        let answer = town.call("GET", page, "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"));
        assert!(!policy.contains("unsafe") && !policy.contains("http"));
        assert!(
            !answer.text.contains("//"),
            "an absolute address: {}",
            answer.text
        );
        assert!(
            !answer.text.contains("<script>"),
            "the policy would not run it"
        );
        for file in [
            "docs/swagger-ui.css",
            "docs/swagger-ui-bundle.js",
            "docs/start.js",
        ] {
            assert!(answer.text.contains(&format!("\"{root}{file}\"")), "{file}");
        }
    }
    for (path, content_type, least) in [
        ("/docs/swagger-ui.css", "text/css", 100_000),
        ("/docs/swagger-ui-bundle.js", "text/javascript", 1_000_000),
        ("/docs/start.js", "text/javascript", 100),
    ] {
        let answer = town.call("GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with(content_type),
            "{path}"
        );
        assert!(answer.text.len() >= least, "{path}");
    }
    let reflected = town.call("GET", "/docs?url=https:canary", "").await;
    assert!(!reflected.text.contains("canary"));
}
