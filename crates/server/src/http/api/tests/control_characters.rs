//! PostgreSQL's text cannot hold NUL: what lets it through to the database answers 500.

use super::*;

/// Hashed and never stored, so any character will do.
const PASSWORDS: [&str; 3] = ["password", "current_password", "new_password"];

/// A body for each operation that takes one, and how that is answered. What ends the tokens of the others comes last.
async fn bodies(shop: &Shop) -> Vec<(Method, String, Value, StatusCode)> {
    use StatusCode as S;
    let ann = shop.program_of("ann", Role::Customer).await;
    let paid = ann.buy_two_mugs().await.get();
    let sue = shop.program_of("sue", Role::Support).await;
    let unpaid = sue.order_two_mugs().await;
    let cart = sue.fill_cart(1).await;
    let mug = cart["lines"][0]["product_id"].as_str().unwrap();
    let (email, token) = ("new@example.com", shop.made_up_token());
    let post = |path: &str, body, status| (Method::POST, path.to_owned(), body, status);
    vec![
        (
            Method::PATCH,
            "/me".to_owned(),
            json!({ "name": "Sue Lee" }),
            S::OK,
        ),
        post(
            "/me/avatar",
            json!({ "content_type": "image/png" }),
            S::CREATED,
        ),
        (
            Method::PUT,
            format!("/cart/lines/{mug}"),
            json!({ "quantity": 1 }),
            S::OK,
        ),
        post("/orders", an_order_of(&cart), S::CREATED),
        post(
            &format!("/orders/{unpaid}/attachments"),
            json!({ "name": "box.png", "content_type": "image/png" }),
            S::CREATED,
        ),
        post(
            "/cart/lines",
            json!({ "product_id": mug, "quantity": 1 }),
            S::OK,
        ),
        post(
            "/webhook-endpoints",
            json!({ "url": "https://hooks.example/", "description": "Ledger", "events": ["order.paid"] }),
            S::CREATED,
        ),
        post(
            "/refunds",
            json!({ "order_number": paid, "amount": { "minor": 1, "currency": "EUR" }, "reason": "Damaged" }),
            S::ACCEPTED,
        ),
        post(
            "/me/email",
            json!({ "password": PASSWORD, "new_email": email }),
            S::ACCEPTED,
        ),
        post(
            "/auth/token",
            json!({ "email": "sue@example.com", "password": PASSWORD }),
            S::OK,
        ),
        post(
            "/users",
            json!({ "email": email, "name": "Bob", "password": PASSWORD }),
            S::ACCEPTED,
        ),
        post("/password-resets", json!({ "email": email }), S::ACCEPTED),
        post(
            "/auth/refresh",
            json!({ "refresh_token": token }),
            S::UNAUTHORIZED,
        ),
        post(
            "/email-verifications/finish",
            json!({ "token": token }),
            S::GONE,
        ),
        post("/email-changes/finish", json!({ "token": token }), S::GONE),
        post(
            "/password-resets/finish",
            json!({ "token": token, "password": PASSWORD }),
            S::GONE,
        ),
        post(
            "/me/password",
            json!({ "current_password": PASSWORD, "new_password": "teapot-glacier-marble-19" }),
            S::NO_CONTENT,
        ),
    ]
}

/// Says of what is no token that it is no longer valid, which was asked for.
const INDIFFERENT: &str = "/auth/revoke";

#[tokio::test]
async fn nul_in_any_text_of_any_operation_is_refused() {
    let shop = Shop::open().await;
    let bodies = bodies(&shop).await;
    let staff = shop.sign_in("sue", PASSWORD).await;
    let mut described: Vec<_> = operations()
        .into_iter()
        .filter(|it| it.description.get("requestBody").is_some() && it.path != INDIFFERENT)
        .map(|it| format!("{} {}", it.method, it.path))
        .collect();
    for (method, path, body, expected) in bodies {
        // What a file is called is cleaned, and never refused.
        let is_cleaned = |pointer: &String| path.ends_with("/attachments") && pointer == "/name";
        for pointer in texts(&body).into_iter().filter(|it| !is_cleaned(it)) {
            let mut broken = body.clone();
            let text = broken.pointer_mut(&pointer).unwrap();
            *text = format!("{}\0.", text.as_str().unwrap()).into();
            let (status, problem) = staff.call(method.clone(), &path, &broken).await;
            assert!(
                status.is_client_error(),
                "{method} {path} {pointer}: {status} {problem}"
            );
        }
        let (status, answer) = staff.call(method.clone(), &path, &body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        described.retain(|known| *known != format!("{method} {}", template(&path)));
    }
    assert_eq!(described, [""; 0], "operations without a body here");
}

#[tokio::test]
async fn nul_in_an_address_finds_nothing_and_breaks_nothing() {
    let shop = Shop::open().await;
    for (path, expected) in [
        ("/products?q=mug%00", StatusCode::OK),
        ("/products?q=mug&category=%00", StatusCode::NOT_FOUND),
        ("/products?after=%00", StatusCode::UNPROCESSABLE_ENTITY),
        ("/products/%00", StatusCode::NOT_FOUND),
    ] {
        let (status, answer) = shop.stranger().get(path).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
}

/// The pointers of all texts in a document, except passwords.
fn texts(document: &Value) -> Vec<String> {
    match document {
        Value::String(_) => vec![String::new()],
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !PASSWORDS.contains(&name.as_str()))
            .flat_map(|(name, value)| {
                let inner = texts(value).into_iter();
                inner.map(move |pointer| format!("/{name}{pointer}"))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The path as it is described.
fn template(path: &str) -> &str {
    if path.starts_with("/cart/lines/") {
        "/cart/lines/{product_id}"
    } else if path.ends_with("/attachments") {
        "/orders/{number}/attachments"
    } else {
        path
    }
}
