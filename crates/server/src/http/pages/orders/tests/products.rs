//! What people look around in.

use super::*;

#[tokio::test]
async fn a_stranger_finds_a_product_by_shelf_and_by_search() {
    let mut browser = Browser::open().await;
    let home = browser.get("/").await;
    assert_eq!(home.status, StatusCode::OK);
    assert_eq!(home.text.matches("<li class=\"product-card\">").count(), 8);

    let first = browser.get("/products").await.text;
    assert_eq!(first.matches("<li class=\"product-card\">").count(), 24);
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().to_owned();
    let second = browser.get(&next).await.text;
    assert_eq!(second.matches("<li class=\"product-card\">").count(), 24);

    let kitchen = browser.get("/products?category=kitchen").await.text;
    assert!(kitchen.contains("<h1>Kitchen</h1>") && kitchen.contains("/products/iron-pan"));
    let found = browser.get("/products?q=enamel+mug").await.text;
    assert!(found.contains("/products/enamel-mug"), "{found}");
    let nothing = browser.get("/products?q=%3Cscript%3E+unicorn").await;
    assert!(nothing.text.contains("Nothing here matches"));
    assert!(!nothing.text.contains("<script>"));
}

#[tokio::test]
async fn what_is_not_in_the_shop_is_not_found() {
    let mut browser = Browser::open().await;
    for path in [
        "/products/unicorn",
        "/products/%00",
        "/products?category=stables",
        "/pictures/unicorn.svg",
        "/pictures/..%2f..%2fetc",
    ] {
        assert_eq!(
            browser.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for (path, status) in [
        (
            "/products?after=nonsense!",
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("/products?after=e30", StatusCode::UNPROCESSABLE_ENTITY),
        ("/products?q=%00", StatusCode::OK),
    ] {
        assert_eq!(browser.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_picture_may_be_kept_for_ever_and_can_do_nothing() {
    let browser = Browser::open().await;
    let mug = browser.mug().await;
    let request = Request::get(format!("/pictures/{}", mug.picture));
    let request = request.body(Body::empty()).unwrap();
    let response = browser.router.clone().oneshot(request).await.unwrap();
    let headers = response.headers();
    assert_eq!(headers[header::CONTENT_TYPE], "image/svg+xml");
    assert!(
        headers[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(
        headers[header::CONTENT_SECURITY_POLICY],
        "default-src 'none'; sandbox"
    );
    assert!(!headers.contains_key(header::SET_COOKIE));
}
