use http::StatusCode;
use webhooks::{Description, Register, Subscription};

use crate::http::pages::testing::{Browser, Site};

/// A site where Ann has an account, and no mail that waits.
async fn open() -> Site {
    let site = Site::open().await;
    site.app.users().a_customer("ann").await;
    site
}

/// Registers an endpoint; gives its page.
async fn register(browser: &mut Browser<'_>, form: &[(&str, &str)]) -> String {
    let answer = browser.post("/account/webhooks", form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    answer.location
}

#[tokio::test]
async fn an_endpoint_is_registered_shown_with_its_secret_and_listed() {
    let site = open().await;
    let mut ann = site.anns_browser().await;
    let form = [
        ("url", "https://hooks.example/a"),
        ("description", "Ledger"),
        ("order_paid", "true"),
    ];
    let page = register(&mut ann, &form).await;

    let shown = ann.get(&page).await.text;
    for told in [
        "The endpoint is registered.",
        "https://hooks.example/a",
        "Ledger",
        "An order is paid",
        "whsec_",
        "Nothing in the last 30 days.",
    ] {
        assert!(shown.contains(told), "{told} in {shown}");
    }
    assert!(!shown.contains("An order is placed"));
    let list = ann.get("/account/webhooks").await.text;
    assert!(list.contains(&format!("href=\"{page}\"")), "{list}");
    assert!(!list.contains("whsec_"));
}

#[tokio::test]
async fn a_form_that_is_not_right_comes_back_with_what_was_entered() {
    let site = open().await;
    let mut ann = site.anns_browser().await;
    let long = "a".repeat(101);
    for (url, description, field) in [
        ("http://hooks.example/", "Ledger", "url"),
        ("https://10.0.0.1/", "Ledger", "url"),
        ("", "Ledger", "url"),
        ("https://hooks.example/", long.as_str(), "description"),
    ] {
        let form = [
            ("url", url),
            ("description", description),
            ("order_paid", "true"),
        ];
        let answer = ann.post("/account/webhooks", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_ne!(answer.beside(field), "", "{}", answer.text);
        let kept = [
            url,
            description,
            "name=\"order_paid\" value=\"true\" checked",
        ];
        for kept in kept {
            assert!(answer.text.contains(kept), "{kept} in {}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_eleventh_endpoint_is_refused_above_the_form() {
    let site = open().await;
    let mut ann = site.anns_browser().await;
    for _ in 0..10 {
        register(&mut ann, &[("url", "https://hooks.example/")]).await;
    }
    let form = [("url", "https://hooks.example/")];
    let answer = ann.post("/account/webhooks", &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("You have ten endpoints already."));
}

#[tokio::test]
async fn the_buttons_of_an_endpoint_do_what_they_say() {
    let site = open().await;
    let mut ann = site.anns_browser().await;
    let page = register(&mut ann, &[("url", "https://localhost.hooks.invalid/")]).await;
    let secret = |text: &str| {
        let (_, rest) = text.split_once("whsec_").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let before = secret(&ann.get(&page).await.text);

    for (button, told) in [
        ("test", "A test is on its way."),
        ("test", "The last test is still on its way."),
        ("pause", "The endpoint is switched off."),
        ("enable", "The endpoint is switched on."),
        ("rotate", "The secret is another now."),
        ("rotate", "The secret before this one still signs."),
    ] {
        let answer = ann.post(&format!("{page}/{button}"), &[]).await;
        assert_eq!(answer.location, page, "{}", answer.text);
        let shown = ann.get(&page).await.text;
        assert!(shown.contains(told), "{told} in {shown}");
    }
    let shown = ann.get(&page).await.text;
    assert_ne!(secret(&shown), before);
    assert!(shown.contains("signs along until"));

    // Nobody is there under a name that ends in `invalid` (RFC 6761).
    site.work().await;
    let shown = ann.get(&page).await.text;
    assert!(
        shown.contains("webhook.test") && shown.contains("No connection"),
        "{shown}"
    );
    let action = format!("action=\"{page}/deliveries/");
    let (_, rest) = shown.split_once(&action).unwrap();
    let id = rest.split('/').next().unwrap();
    let again = format!("{page}/deliveries/{id}/redeliver");
    assert_eq!(ann.post(&again, &[]).await.location, page);
    assert!(ann.get(&page).await.text.contains("on its way again"));

    let answer = ann.post(&format!("{page}/remove"), &[]).await;
    assert_eq!(answer.location, "/account/webhooks");
    assert_eq!(ann.get(&page).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn somebody_elses_endpoint_is_not_there_and_strangers_sign_in_first() {
    let site = open().await;
    let eve = site.app.users().a_customer("eve").await;
    let command = Register {
        url: "https://hooks.example/".to_owned(),
        description: Description::default(),
        events: Subscription::All,
    };
    let endpoint = site.app.webhooks().register(eve, command).await.unwrap();
    let page = format!("/account/webhooks/{}", endpoint.id);
    let mut ann = site.anns_browser().await;
    assert_eq!(ann.get(&page).await.status, StatusCode::NOT_FOUND);
    for button in ["test", "pause", "enable", "rotate", "remove"] {
        let answer = ann.post(&format!("{page}/{button}"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{button}");
    }
    let mut stranger = site.browser();
    let answer = stranger.get("/account/webhooks").await;
    assert!(
        answer.location.starts_with("/sign-in"),
        "{}",
        answer.location
    );
}
