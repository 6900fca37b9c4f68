//! What people put together.

use super::*;

#[tokio::test]
async fn a_cart_needs_no_account() {
    let mut browser = Browser::open().await;
    let added = browser.post("/cart/lines", &MUG).await;
    assert_eq!(
        (added.status, added.location.as_str()),
        (StatusCode::SEE_OTHER, "/cart")
    );
    browser.post("/cart/lines", &MUG).await;

    let cart = browser.get("/cart").await.text;
    assert!(
        cart.contains("Everyday Mug") && cart.contains("€64.00"),
        "{cart}"
    );
    assert!(
        cart.contains(r#"<span class="cart-link__count">4<"#),
        "{cart}"
    );

    let mug = browser.mug().await;
    let line = format!("/cart/lines/{}", mug.id);
    browser.post(&line, &[("quantity", "1")]).await;
    assert!(browser.get("/cart").await.text.contains("€16.00"));
    browser.post(&line, &[("quantity", "0")]).await;
    assert!(
        browser
            .get("/cart")
            .await
            .text
            .contains("There is nothing in your cart yet.")
    );
}

#[tokio::test]
async fn a_quantity_that_is_none_is_shown_again_with_a_message_beside_it() {
    let mut browser = Browser::open().await;
    for quantity in ["0", "100", "-1", "many", ""] {
        let form = [("slug", "everyday-mug"), ("quantity", quantity)];
        let page = browser.post("/cart/lines", &form).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{quantity}");
        assert!(
            page.text.contains("Choose a quantity from 1 to 99."),
            "{quantity}"
        );
        assert!(
            page.text.contains(&format!("value=\"{quantity}\"")),
            "{quantity}"
        );
    }

    browser.post("/cart/lines", &MUG).await;
    let mug = browser.mug().await;
    let line = format!("/cart/lines/{}", mug.id);
    let page = browser.post(&line, &[("quantity", "500")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("value=\"500\"") && page.text.contains("aria-invalid"));
    assert!(browser.get("/cart").await.text.contains("€32.00"));
}

#[tokio::test]
async fn a_cart_that_asks_for_too_much_says_so_and_cannot_be_ordered() {
    let mut browser = Browser::open().await;
    browser
        .post("/cart/lines", &[("slug", "floor-vase"), ("quantity", "7")])
        .await;
    let cart = browser.get("/cart").await.text;
    assert!(cart.contains("Only 6 left"), "{cart}");
    assert!(!cart.contains("href=\"/checkout\""), "{cart}");
}
