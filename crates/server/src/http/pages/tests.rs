//! What holds for the forms of every module.

use http::StatusCode;
use kernel::Currency;
use users::testing::PASSWORD;

use super::testing::{Browser, Site};

/// Pages with all forms that a person can send. Those of links from letters carry a token.
const PAGES: [&str; 15] = [
    "/sign-up",
    "/sign-in",
    "/forgot-password",
    "/verify-email",
    "/reset-password",
    "/confirm-email",
    "/account",
    "/account/profile",
    "/account/email",
    "/account/password",
    "/account/sessions",
    "/account/webhooks",
    "/products/everyday-mug",
    "/cart",
    "/checkout",
];

/// Hashed and never stored, or compared and never kept: any character will do.
const NEVER_STORED: [&str; 4] = ["password", "current_password", "new_password", "next"];

/// A form of a page: where it is sent, and its fields with their values.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

#[tokio::test]
async fn nul_in_any_field_of_any_form_is_refused() {
    let site = Site::open().await;
    site.app
        .orders()
        .seed_catalogue(Currency::Eur)
        .await
        .unwrap();
    site.app.users().a_newcomer("ann").await;
    let (mut ann, mut stranger) = (site.anns_browser().await, site.browser());
    let mug = [("slug", "everyday-mug"), ("quantity", "2")];
    ann.post("/cart/lines", &mug).await;
    let token = kernel::Token::generate(&site.platform.entropy).reveal();

    let mut refused = 0;
    for page in PAGES {
        let page = format!("{page}?token={token}");
        let for_strangers = page.starts_with("/sign-");
        let browser = if for_strangers {
            &mut stranger
        } else {
            &mut ann
        };
        for form in forms(&browser.get(&page).await.text) {
            refused += refuse_nul(browser, &form).await;
        }
    }
    // A page whose forms are no longer found would go unseen otherwise.
    assert_eq!(refused, 29);
}

/// Sends the form with NUL in one field after the other; gives how many fields that were.
async fn refuse_nul(browser: &mut Browser<'_>, form: &Form) -> usize {
    let mut tried = 0;
    for (name, value) in &form.fields {
        if NEVER_STORED.contains(&name.as_str()) {
            continue;
        }
        let broken = format!("{value}\0.");
        let sent = form.fields.iter().map(|(of, value)| {
            let value = if of == name { &broken } else { value };
            (of.as_str(), value.as_str())
        });
        let answer = browser.post(&form.action, &sent.collect::<Vec<_>>()).await;
        assert!(
            answer.status.is_client_error(),
            "{} {name}: {} {}",
            form.action,
            answer.status,
            answer.text
        );
        assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        tried += 1;
    }
    tried
}

/// The forms in a page that are sent with POST, filled in so that nothing but a broken field is wrong with them.
fn forms(page: &str) -> Vec<Form> {
    let forms = page.split("<form ").skip(1).filter_map(|rest| {
        let (form, _) = rest.split_once("</form>")?;
        let (head, body) = form.split_once('>')?;
        head.contains("method=\"post\"").then(|| Form {
            action: attribute(head, "action"),
            fields: body.split('<').filter_map(field).collect(),
        })
    });
    forms.collect()
}

fn field(tag: &str) -> Option<(String, String)> {
    let is_field = ["input ", "select ", "textarea "]
        .iter()
        .any(|kind| tag.starts_with(kind));
    let name = is_field.then(|| attribute(tag, "name"))?;
    let shown = attribute(tag, "value");
    let value = match name.as_str() {
        "password" | "current_password" | "new_password" => PASSWORD,
        "email" => "lee@example.com",
        "country" => "DE",
        "url" => "https://hooks.example/",
        "name" | "street" | "postal_code" | "city" if shown.is_empty() => "Lee",
        _ => &shown,
    };
    Some((name, value.to_owned()))
}

fn attribute(tag: &str, name: &str) -> String {
    let start = format!(" {name}=\"");
    // The first attribute stands at the beginning.
    let tag = format!(" {tag}");
    let value = tag.split_once(&start).map_or("", |(_, rest)| rest);
    value.split('"').next().unwrap_or_default().to_owned()
}
