//! What a form is sent that its page would not send, or that a person gets wrong.

use super::*;

#[tokio::test]
async fn whatever_is_wrong_with_a_form_is_said_at_once() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    for (path, form, messages) in [
        (
            "/sign-up",
            &[
                ("name", "\u{200b}"),
                ("email", "a..b@example.com"),
                ("password", "short"),
            ][..],
            &[
                "Enter your name in one line",
                "Enter an address such as",
                "Use at least 15 characters.",
            ][..],
        ),
        (
            "/account/password",
            &[
                ("current_password", OTHER_PASSWORD),
                ("new_password", "short"),
            ],
            &["This is not your password.", "Use at least 15 characters."],
        ),
        (
            "/account/email",
            &[("email", "ann@"), ("password", OTHER_PASSWORD)],
            &["Enter an address such as", "This is not your password."],
        ),
    ] {
        let page = browser.post(path, form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        for message in messages {
            assert!(
                page.text.contains(message),
                "{path}: {message}: {}",
                page.text
            );
        }
    }
}

#[tokio::test]
async fn a_picture_that_is_too_large_gets_the_form_again_however_large_it_is() {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    let mut browser = site.anns_browser().await;
    for mib in [5, 6, 31, 33] {
        let picture = vec![b'x'; mib * 1024 * 1024 + 1];
        let answer = browser.post_picture("/account/avatar", &picture).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{mib}");
        let message = "Choose a picture of at most 5 MiB.";
        assert!(answer.text.contains(message), "{mib}: {}", answer.text);
    }
    assert!(site.platform.stored_files().await.is_empty());
}
