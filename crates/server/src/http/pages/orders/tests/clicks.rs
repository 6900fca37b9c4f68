//! The button that costs money, pressed twice.

use super::*;

/// What the checkout page's form holds, filled in.
async fn filled_in(browser: &mut Browser, city: &str) -> String {
    let page = browser.get("/checkout").await.text;
    let hidden = |name: &str| {
        let (_, rest) = page
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let fields = [
        ("name", "Ann Lee"),
        ("street", "1 Main Street"),
        ("postal_code", "20457"),
        ("city", city),
        ("country", "DE"),
        ("email", "ann@example.com"),
        ("total", &hidden("total")),
        ("currency", &hidden("currency")),
        ("idempotency_key", &hidden("idempotency_key")),
    ];
    serde_urlencoded::to_string(fields).unwrap()
}

/// Presses the button; returns the status and where it leads.
async fn press(browser: &Browser, form: &str) -> (StatusCode, String) {
    let request = Request::post("/checkout")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header(USER, browser.user.unwrap().to_string())
        .body(Body::from(form.to_owned()));
    let response = browser.router.clone().oneshot(request.unwrap()).await;
    let response = response.unwrap();
    let location = response.headers().get(header::LOCATION);
    let location = location.map_or("", |path| path.to_str().unwrap());
    // The message of thanks comes along, whichever answer the browser shows.
    let thanked = response.headers().contains_key(header::SET_COOKIE);
    assert_eq!(thanked, response.status() == StatusCode::SEE_OTHER);
    (response.status(), location.to_owned())
}

async fn orders_of(browser: &Browser) -> usize {
    let page = kernel::PageRequest::default();
    let orders = browser
        .app
        .orders()
        .list(browser.user.unwrap(), &page)
        .await;
    orders.unwrap().items.len()
}

#[tokio::test]
async fn two_clicks_are_one_order_and_lead_to_it() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    browser.post("/cart/lines", &MUG).await;
    let form = filled_in(&mut browser, "Hamburg").await;
    let (one, two) = tokio::join!(press(&browser, &form), press(&browser, &form));
    assert_eq!(one.0, StatusCode::SEE_OTHER);
    assert!(one.1.starts_with("/orders/"), "{}", one.1);
    assert_eq!(two, one);

    // Sent once more by reloading, when there is something to order again.
    browser.post("/cart/lines", &MUG).await;
    assert_eq!(press(&browser, &form).await, one);
    assert_eq!(orders_of(&browser).await, 1);

    // Another form is another order.
    let form = filled_in(&mut browser, "Hamburg").await;
    assert_ne!(press(&browser, &form).await, one);
    assert_eq!(orders_of(&browser).await, 2);
}

#[tokio::test]
async fn a_form_that_was_refused_can_be_put_right_with_its_old_key_or_a_new_one() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    browser.post("/cart/lines", &MUG).await;
    let wrong = filled_in(&mut browser, " ").await;
    let refused = press(&browser, &wrong).await.0;
    assert_eq!(refused, StatusCode::UNPROCESSABLE_ENTITY);
    let old_key = wrong.replace("city=+", "city=Hamburg");
    assert_eq!(press(&browser, &old_key).await.0, StatusCode::SEE_OTHER);
    assert_eq!(orders_of(&browser).await, 1);

    browser.post("/cart/lines", &MUG).await;
    let new_key = filled_in(&mut browser, "Hamburg").await;
    assert_eq!(press(&browser, &new_key).await.0, StatusCode::SEE_OTHER);
    assert_eq!(orders_of(&browser).await, 2);
}

#[tokio::test]
async fn a_form_that_is_changed_after_it_was_sent_is_refused() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    browser.post("/cart/lines", &MUG).await;
    let form = filled_in(&mut browser, "Hamburg").await;
    press(&browser, &form).await;
    browser.post("/cart/lines", &MUG).await;
    let changed = form.replace("Hamburg", "Altona");
    let refused = press(&browser, &changed).await.0;
    assert_eq!(refused, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(orders_of(&browser).await, 1);
}
