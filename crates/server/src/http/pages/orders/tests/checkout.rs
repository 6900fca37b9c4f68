//! From the cart to an order that its owner can follow.

use orders::{OrderStatus, Quantity};

use super::*;

#[tokio::test]
async fn orders_are_for_people_who_are_signed_in() {
    let mut browser = Browser::open().await;
    for path in ["/checkout", "/orders", "/orders/100001"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location.starts_with("/sign-in?next="), "{path}");
    }
}

#[tokio::test]
async fn checking_out_places_an_order_that_its_owner_can_follow_and_cancel() {
    let mut browser = Browser::open().await;
    let ann = browser.sign_in();
    assert_eq!(browser.get("/checkout").await.location, "/cart");
    browser.post("/cart/lines", &MUG).await;
    let form = browser.get("/checkout").await.text;
    assert!(
        form.contains("value=\"Ann Lee\"") && form.contains("Place order for €32.00"),
        "{form}"
    );

    let placed = browser.check_out(&[]).await;
    assert_eq!(placed.location, "/orders/100001");
    let page = browser.get("/orders/100001").await.text;
    for shown in [
        "Order placed",
        "€32.00",
        "1 Main Street",
        "/orders/100001/pay",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(
        browser
            .get("/orders")
            .await
            .text
            .contains("2 × Everyday Mug")
    );

    browser.post("/orders/100001/cancel", &[]).await;
    let page = browser.get("/orders/100001").await.text;
    assert!(
        page.contains("Order cancelled") && !page.contains("/orders/100001/pay"),
        "{page}"
    );
    let number = "100001".parse().unwrap();
    let order = browser.app.orders().get(ann, number).await.unwrap().order;
    assert_eq!(order.status, OrderStatus::Cancelled);

    browser.sign_in();
    for answer in [
        browser.get("/orders/100001").await,
        browser.post("/orders/100001/cancel", &[]).await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_checkout_that_is_filled_in_badly_is_shown_again() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    browser.post("/cart/lines", &MUG).await;
    for (field, value, message) in [
        ("name", " ", "Enter this in one line"),
        ("city", "Ham\nburg", "Enter this in one line"),
        ("country", "XX", "Choose a country."),
        ("email", "ann@", "Enter an address such as"),
        ("currency", "ISK", "Please look at the total again."),
        (
            "total",
            "1",
            "Prices have changed, and the total is now €32.00",
        ),
        ("total", "abc", "Please look at the total again."),
        ("currency", "XXX", "Please look at the total again."),
        ("name", "\u{200b}", "Enter this in one line"),
    ] {
        let page = browser.check_out(&[(field, value)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(page.text.contains(message), "{field}: {}", page.text);
        assert!(page.text.contains("value=\"1 Main Street\""), "{field}");
    }
    assert!(
        browser
            .get("/orders")
            .await
            .text
            .contains("You have not ordered anything yet.")
    );
}

#[tokio::test]
async fn a_person_searches_their_orders() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    let empty = browser.get("/orders").await.text;
    assert!(!empty.contains("Search your orders"), "{empty}");
    browser.post("/cart/lines", &MUG).await;
    browser.check_out(&[]).await;

    for words in ["mugs", "100001"] {
        let page = browser.get(&format!("/orders?words={words}")).await.text;
        assert!(page.contains("2 × Everyday Mug"), "{page}");
        assert!(page.contains(&format!("name=\"words\" value=\"{words}\"")));
    }
    let page = browser.get("/orders?words=%3Cb%3E+lamp").await.text;
    assert!(
        page.contains("None of your orders matches “&#60;b&#62; lamp”"),
        "{page}"
    );
    let all = browser.get("/orders?words=+").await.text;
    assert!(all.contains("2 × Everyday Mug"), "{all}");
}

#[tokio::test]
async fn a_form_remembers_where_the_last_order_went() {
    let mut browser = Browser::open().await;
    browser.sign_in();
    browser.post("/cart/lines", &MUG).await;
    browser.check_out(&[("city", "Altona")]).await;
    browser.post("/cart/lines", &MUG).await;
    let form = browser.get("/checkout").await.text;
    assert!(form.contains("value=\"Altona\""), "{form}");
    assert!(
        form.contains("<option value=\"DE\" selected>Germany"),
        "{form}"
    );
}

#[tokio::test]
async fn what_sold_out_since_the_page_was_shown_is_named() {
    let mut browser = Browser::open().await;
    let ann = browser.sign_in();
    let orders = browser.app.orders().clone();
    let vase = orders.get_product("floor-vase").await.unwrap();
    let seven = Quantity::try_from(7).unwrap();
    orders
        .add_to_cart(&CartOwner::User(ann), vase.id, seven)
        .await
        .unwrap();
    let page = browser.check_out(&[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        page.text
            .contains("There are not enough left of: Floor Vase."),
        "{}",
        page.text
    );
}
