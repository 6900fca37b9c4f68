//! A form that is filled in badly is shown again with what was typed and a message beside the field.

use super::*;

#[tokio::test]
async fn a_refused_form_of_the_account_keeps_what_was_typed_and_says_what_is_wrong_beside_the_field()
 {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    let long = "x".repeat(101);
    for (path, form, field, message, kept) in [
        (
            "/account/profile",
            &[("name", long.as_str())][..],
            "name",
            "Enter your name in one line",
            long.as_str(),
        ),
        (
            "/account/profile",
            &[("name", " ")],
            "name",
            "Enter your name in one line",
            " ",
        ),
        (
            "/account/email",
            &[("email", "lee@"), ("password", PASSWORD)],
            "email",
            "Enter an address such as",
            "lee@",
        ),
        (
            "/account/email",
            &[("email", "lee@example.com"), ("password", OTHER_PASSWORD)],
            "password",
            "This is not your password.",
            "lee@example.com",
        ),
        (
            "/forgot-password",
            &[("email", "ann@")],
            "email",
            "Enter an address such as",
            "ann@",
        ),
    ] {
        let page = browser.post(path, form).await;
        let typed = format!("value=\"{kept}\"");
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert!(page.beside(field).starts_with(message), "{}", page.text);
        assert!(page.text.contains(&typed), "{path}: {}", page.text);
        assert!(!page.text.contains(PASSWORD), "{path}");
        assert!(!page.text.contains(OTHER_PASSWORD), "{path}");
    }
    site.work().await;
    assert!(site.platform.sent_mail().is_empty(), "nothing was done");
}

#[tokio::test]
async fn a_weak_new_password_does_not_use_up_the_link() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.browser();
    let form = [("email", "ann@example.com")];
    browser.post("/forgot-password", &form).await;
    site.work().await;
    let token = site.link_token();

    let form = [("token", token.as_str()), ("password", "short-secret")];
    let page = browser.post("/reset-password", &form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let message = "Use at least 15 characters.";
    assert!(
        page.beside("password").starts_with(message),
        "{}",
        page.text
    );
    let carried = format!("name=\"token\" value=\"{token}\"");
    assert!(page.text.contains(&carried), "{}", page.text);
    assert!(!page.text.contains("short-secret"));

    let form = [("token", token.as_str()), ("password", OTHER_PASSWORD)];
    let answer = browser.post("/reset-password", &form).await;
    assert_eq!(answer.location, "/sign-in", "{}", answer.text);
}

#[tokio::test]
async fn what_is_no_picture_is_refused_beside_the_field() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    for (content, message) in [
        (&b""[..], "Choose a picture."),
        (
            b"<svg/>",
            "Choose a picture in the format JPEG, PNG or WebP.",
        ),
    ] {
        let page = browser.post_picture("/account/avatar", content).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(page.beside("avatar"), message, "{}", page.text);
    }
}

#[tokio::test]
async fn the_letter_to_verify_an_address_is_sent_again_and_the_account_says_so() {
    let site = Site::open().await;
    site.app.users().a_newcomer("ann").await;
    site.work().await;
    let first = site.link_token();
    let mut browser = site.anns_browser().await;
    let button = "action=\"/account/verification\"";
    assert!(browser.get("/account").await.text.contains(button));

    let answer = browser.post("/account/verification", &[]).await;
    assert_eq!(answer.location, "/account", "{}", answer.text);
    let page = browser.get("/account").await.text;
    let said = "We have sent a letter to ann@example.com.";
    assert!(page.contains(said), "{page}");
    site.work().await;
    let token = site.link_token();
    assert_ne!(token, first);
    browser.post("/verify-email", &[("token", &token)]).await;
    assert!(!browser.get("/account").await.text.contains(button));
}
