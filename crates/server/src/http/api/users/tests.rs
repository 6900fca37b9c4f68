use http::{Method, StatusCode};
use kernel::{Role, UserId};
use platform::flags::Flag;
use platform::sessions::{NewSession, SessionLimits};
use serde_json::{Value, json};
use users::testing::PASSWORD;
use uuid::Uuid;

use crate::http::api::testing::Shop;

const OTHER_PASSWORD: &str = "teapot-glacier-marble-19";

async fn sign_in(shop: &Shop, password: &str) -> (StatusCode, Value) {
    let credentials = json!({ "email": "ann@example.com", "password": password });
    shop.stranger().post("/auth/token", &credentials).await
}

#[tokio::test]
async fn a_program_signs_in_acts_refreshes_and_signs_out() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let (status, first) = sign_in(&shop, PASSWORD).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(first["expires_in"], 900);

    let named = json!({ "name": "Ann Lee" });
    let (status, me) = ann.call(Method::PATCH, "/me", &named).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(me["name"], "Ann Lee");
    assert_eq!(me["avatar"]["status"], "none");

    let stranger = shop.stranger();
    let held = json!({ "refresh_token": first["refresh_token"] });
    let (status, second) = stranger.post("/auth/refresh", &held).await;
    assert_eq!(status, StatusCode::OK);
    let held = json!({ "refresh_token": second["refresh_token"] });
    let (status, _) = stranger.post("/auth/revoke", &held).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, problem) = stranger.post("/auth/refresh", &held).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "credentials_refused");
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so() {
    let shop = Shop::open().await;
    shop.app.users().a_customer("ann").await;
    let (status, problem) = sign_in(&shop, OTHER_PASSWORD).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "credentials_refused");
    let (status, problem) = shop.with_token("not.a.token").get("/me").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(problem["code"], "sign_in_required");
}

#[tokio::test]
async fn a_program_that_signs_somebody_up_while_that_is_closed_gets_a_problem() {
    let shop = Shop::open().await;
    shop.platform.set_flag(Flag::SignUpOpen, false).await;
    let body = json!({ "email": "bob@example.com", "name": "Bob", "password": OTHER_PASSWORD });
    let (status, problem) = shop.stranger().post("/users", &body).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(problem["code"], "forbidden");
    let says = "We do not take new accounts at the moment.";
    assert_eq!(problem["detail"], says);
    assert!(shop.platform.jobs_waiting().await.is_empty());
}

#[tokio::test]
async fn signing_up_answers_the_same_for_an_address_that_has_an_account() {
    let shop = Shop::open().await;
    shop.app.users().a_customer("ann").await;
    for email in ["ann@example.com", "bob@example.com"] {
        let body = json!({ "email": email, "name": "Bob", "password": OTHER_PASSWORD });
        let answer = shop.stranger().post("/users", &body).await;
        assert_eq!(answer, (StatusCode::ACCEPTED, Value::Null), "{email}");
    }
}

#[tokio::test]
async fn a_program_verifies_an_address_with_the_token_of_the_latest_mail() {
    let shop = Shop::open().await;
    shop.app.users().a_newcomer("ann").await;
    let ann = shop.sign_in("ann", PASSWORD).await;
    let first = shop.mailed_token("verify-email").await;
    let (status, _) = ann.post("/me/email/verification", &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let latest = shop.mailed_token("verify-email").await;
    assert_ne!(first, latest);
    assert_eq!(ann.get("/me").await.1["email_verified"], false);

    for (token, expected) in [
        ("no token", StatusCode::GONE),
        (&latest, StatusCode::NO_CONTENT),
        (&latest, StatusCode::GONE),
    ] {
        let body = json!({ "token": token });
        let finish = "/email-verifications/finish";
        let (status, problem) = shop.stranger().post(finish, &body).await;
        assert_eq!(status, expected, "{problem}");
    }
    assert_eq!(ann.get("/me").await.1["email_verified"], true);
}

#[tokio::test]
async fn a_program_moves_an_account_to_the_mailbox_that_confirms_it() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let wrong = json!({ "new_email": "lee@example.com", "password": OTHER_PASSWORD });
    let (status, problem) = ann.post("/me/email", &wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "password");

    let change = json!({ "new_email": "lee@example.com", "password": PASSWORD });
    let (status, _) = ann.post("/me/email", &change).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let token = json!({ "token": shop.mailed_token("confirm-email").await });
    assert_eq!(ann.get("/me").await.1["email"], "ann@example.com");
    for expected in [StatusCode::NO_CONTENT, StatusCode::GONE] {
        let (status, _) = shop.stranger().post("/email-changes/finish", &token).await;
        assert_eq!(status, expected);
    }
    assert_eq!(ann.get("/me").await.1["email"], "lee@example.com");
}

#[tokio::test]
async fn a_program_replaces_a_forgotten_password_and_whoever_was_signed_in_is_not_any_more() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    for email in ["nobody@example.com", "ann@example.com"] {
        let body = json!({ "email": email });
        let answer = shop.stranger().post("/password-resets", &body).await;
        assert_eq!(answer, (StatusCode::ACCEPTED, Value::Null));
    }
    let token = shop.mailed_token("reset-password").await;
    for (password, expected) in [
        ("short", StatusCode::UNPROCESSABLE_ENTITY),
        (OTHER_PASSWORD, StatusCode::NO_CONTENT),
        (OTHER_PASSWORD, StatusCode::GONE),
    ] {
        let body = json!({ "token": token, "password": password });
        let finish = "/password-resets/finish";
        let (status, problem) = shop.stranger().post(finish, &body).await;
        assert_eq!(status, expected, "{problem}");
    }
    assert_eq!(ann.get("/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&shop, OTHER_PASSWORD).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_program_changes_a_password_and_has_to_sign_in_again() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    for (current, new, expected, field) in [
        (
            OTHER_PASSWORD,
            OTHER_PASSWORD,
            StatusCode::UNPROCESSABLE_ENTITY,
            json!("current_password"),
        ),
        (
            PASSWORD,
            "short",
            StatusCode::UNPROCESSABLE_ENTITY,
            json!("new_password"),
        ),
        (
            PASSWORD,
            OTHER_PASSWORD,
            StatusCode::NO_CONTENT,
            json!(null),
        ),
    ] {
        let body = json!({ "current_password": current, "new_password": new });
        let (status, problem) = ann.post("/me/password", &body).await;
        assert_eq!(status, expected, "{problem}");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    assert_eq!(ann.get("/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in(&shop, OTHER_PASSWORD).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_program_uploads_a_picture_and_sees_when_its_sizes_are_made() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let page = json!({ "content_type": "text/html" });
    let (status, problem) = ann.post("/me/avatar", &page).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "avatar");

    let picture = json!({ "content_type": "image/png" });
    let (status, upload) = ann.post("/me/avatar", &picture).await;
    assert_eq!(status, StatusCode::CREATED);
    let finish = format!("/me/avatar/{}/finish", upload["id"].as_str().unwrap());
    let (status, _) = ann.post(&finish, &Value::Null).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(shop.put_pixel(&upload).await, StatusCode::CREATED);
    let (status, _) = ann.post(&finish, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(ann.get("/me").await.1["avatar"]["status"], "processing");
    shop.run_jobs().await;
    assert_eq!(ann.get("/me").await.1["avatar"]["status"], "ready");
}

#[tokio::test]
async fn a_program_lists_browsers_and_signs_them_out() {
    let shop = Shop::open().await;
    let ann = shop.program_of("ann", Role::Customer).await;
    let user_id = ann.user_id().await;
    let browser = async |user_id, generation| {
        let session = NewSession {
            user_id,
            generation,
            limits: SessionLimits::CUSTOMER,
            user_agent: "Firefox".to_owned(),
            network: "203.0.113.0/24".to_owned(),
        };
        shop.platform.sessions.create(session).await.unwrap().1
    };
    let (known, stranger) = (browser(user_id, 1).await, UserId::from_uuid(Uuid::nil()));
    let (_void, foreign) = (browser(user_id, 0).await, browser(stranger, 1).await);

    let (status, sessions) = ann.get("/me/sessions").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
    assert_eq!(sessions[0]["id"], known.to_string());
    for (id, expected) in [
        (foreign, StatusCode::NOT_FOUND),
        (known, StatusCode::NO_CONTENT),
        (known, StatusCode::NOT_FOUND),
    ] {
        let path = format!("/me/sessions/{id}");
        let (status, _) = ann.call(Method::DELETE, &path, &Value::Null).await;
        assert_eq!(status, expected);
    }

    let (status, _) = ann.call(Method::DELETE, "/me/sessions", &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(ann.get("/me").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_program_is_told_everything_that_is_wrong_at_once() {
    let shop = Shop::open().await;
    let fields = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap();
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    };
    let body = json!({"email": "a..b@example.com", "name": " ", "password": "short"});
    let (status, problem) = shop.stranger().post("/users", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(fields(&problem), ["email", "name", "password"]);

    let ann = shop.program_of("ann", Role::Customer).await;
    let body = json!({"new_email": "ann@", "password": "another-password-99"});
    let (_, problem) = ann.post("/me/email", &body).await;
    assert_eq!(fields(&problem), ["new_email", "password"]);
    assert!(shop.platform.jobs_waiting().await.is_empty());
}

#[tokio::test]
async fn a_list_does_not_pass_for_an_object() {
    let shop = Shop::open().await;
    let body = json!(["ann@example.com", PASSWORD]);
    let (status, problem) = shop.stranger().post("/auth/token", &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["message"], "Must be an object.");
}

#[tokio::test]
async fn a_flood_of_unknown_fields_gets_a_short_answer() {
    let shop = Shop::open().await;
    let flood: serde_json::Map<_, _> = (0..10_000)
        .map(|number| (format!("field{number}"), Value::Null))
        .collect();
    let (status, problem) = shop.stranger().post("/auth/token", &flood.into()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("9980 more"), "{detail}");
}
