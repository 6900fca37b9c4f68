//! What holds for every operation, taken from the description itself.

use ::users::testing::PASSWORD;
use http::{Method, StatusCode};
use kernel::Role;
use serde_json::{Value, json};

use super::testing::{Shop, an_order_of};
use super::*;

mod control_characters;

/// What anybody may call, and why.
const PUBLIC: [(&str, &str, &str); 11] = [
    ("post", "/auth/token", "this is how one gets a token"),
    ("post", "/auth/refresh", "the refresh token says who asks"),
    ("post", "/auth/revoke", "the refresh token says who asks"),
    ("post", "/users", "they have no account yet"),
    ("post", "/password-resets", "they cannot sign in"),
    ("post", "/password-resets/finish", "they cannot sign in"),
    (
        "post",
        "/email-verifications/finish",
        "the mailed token says who asks",
    ),
    (
        "post",
        "/email-changes/finish",
        "the mailed token says who asks",
    ),
    ("get", "/products", "the shop's window"),
    ("get", "/products/{slug}", "the shop's window"),
    ("get", "/categories", "the shop's window"),
];

struct Operation {
    method: Method,
    path: String,
    description: Value,
}

/// Every operation that is described.
fn operations() -> Vec<Operation> {
    let description = serde_json::to_value(description()).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, description) in methods.as_object().unwrap() {
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.strip_prefix(ROOT).unwrap().to_owned(),
                description: description.clone(),
            });
        }
    }
    operations
}

impl Operation {
    fn is_public(&self) -> bool {
        let method = self.method.as_str().to_lowercase();
        let mut public = PUBLIC.iter();
        public.any(|(of, path, _)| *of == method && *path == self.path)
    }

    fn is_for_staff(&self) -> bool {
        self.description["security"] == json!([{ "bearer": ["staff"] }])
    }

    /// An address of the operation, of something that does not exist.
    fn address(&self) -> String {
        let id = uuid::Uuid::nil().to_string();
        let address = self.path.replace("{number}", "100001");
        let address = address.replace("{delivery_id}", &id);
        address.replace("{id}", &id).replace("{product_id}", &id)
    }
}

#[test]
fn the_description_is_openapi_3_1_and_every_operation_is_under_the_versioned_root() {
    let description = serde_json::to_value(description()).unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in description["paths"].as_object().unwrap().keys() {
        assert!(path.starts_with("/api/v1/"), "{path}");
    }
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    fn references(part: &Value, found: &mut Vec<String>) {
        match part {
            Value::Object(fields) => {
                let reference = fields.get("$ref").and_then(Value::as_str);
                found.extend(reference.map(str::to_owned));
                fields.values().for_each(|part| references(part, found));
            }
            Value::Array(parts) => parts.iter().for_each(|part| references(part, found)),
            _ => {}
        }
    }
    let description = serde_json::to_value(description()).unwrap();
    let mut found = Vec::new();
    references(&description, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let target = description.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_operation_asks_for_a_token_unless_it_is_meant_for_everybody() {
    let shop = Shop::open().await;
    for operation in operations() {
        let Operation { method, path, .. } = &operation;
        let asks = !operation.description["security"].is_null();
        assert_ne!(asks, operation.is_public(), "{method} {path}");
        if !asks {
            continue;
        }
        // The body is none: who asks is settled before what they ask for.
        let address = operation.address();
        let (status, problem) = shop
            .stranger()
            .send(method.clone(), &address, "{".to_owned())
            .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(problem["code"], "sign_in_required", "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_for_staff_does_not_exist_for_customers() {
    let shop = Shop::open().await;
    let customer = shop.program_of("ann", Role::Customer).await;
    let staff = shop.program_of("sue", Role::Support).await;
    let operations = operations();
    let for_staff: Vec<_> = operations.iter().filter(|it| it.is_for_staff()).collect();
    assert_eq!(for_staff.len(), 3);
    for Operation { method, path, .. } in &for_staff {
        let address = path.replace("{number}", "100001");
        let (status, problem) = customer
            .send(method.clone(), &address, "{".to_owned())
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
        assert_eq!(problem["code"], "not_found", "{method} {path}");
    }
    let (status, _) = staff.send(Method::POST, "/refunds", "{".to_owned()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
