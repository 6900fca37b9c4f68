use http::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::Response;
use tests::Shop;
use tests::customer::{Customer, PASSWORD};

use super::TOTAL;

#[tokio::test]
async fn a_job_runs_although_the_server_was_killed_right_after_the_commit() {
    let shop = Shop::start_without_worker("killed").await;
    let customer = Customer::sign_up(&shop, "cleo@example.com").await;
    let number = customer.order_two_mugs(&shop).await;
    shop.kill_server().await;

    shop.start_worker();
    let confirms =
        |mail: &tests::Mail| mail.text.contains(&format!("order {number}")).then_some(());
    shop.mail(&customer.email, confirms).await;
}

#[tokio::test]
async fn when_redis_is_flushed_people_sign_in_again_and_nothing_else_is_lost() {
    let shop = Shop::start_without_worker("flushed").await;
    let customer = Customer::sign_up(&shop, "dora@example.com").await;
    customer.fill_cart(&shop).await;
    let browser = sign_in(&shop, &customer.email).await;
    assert!(cart(&shop, &browser).await.contains(TOTAL));
    assert_eq!(account(&shop, &browser).await.status(), 200);

    shop.flush_redis().await;
    let turned_away = account(&shop, &browser).await;
    assert_eq!(turned_away.status(), 303);
    let sign_in_form = turned_away.headers()[LOCATION].to_str().unwrap();
    assert!(sign_in_form.starts_with("/sign-in"), "{sign_in_form}");
    customer.get(&shop, "/me").await;

    let browser = sign_in(&shop, &customer.email).await;
    assert_eq!(account(&shop, &browser).await.status(), 200);
    assert!(cart(&shop, &browser).await.contains(TOTAL));
}

/// Signs in with the form, as a browser does; gives the session's cookie.
async fn sign_in(shop: &Shop, email: &str) -> String {
    let form = [("email", email), ("password", PASSWORD), ("next", "")];
    let request = shop.client().post(shop.url("/sign-in"));
    let request = request.header("sec-fetch-site", "same-origin").form(&form);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let cookies = answer.headers().get_all(SET_COOKIE).iter();
    let mut cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    cookies
        .find(|cookie| cookie.contains("session="))
        .unwrap()
        .to_owned()
}

async fn account(shop: &Shop, browser: &str) -> Response {
    let request = shop.client().get(shop.url("/account"));
    request.header(COOKIE, browser).send().await.unwrap()
}

async fn cart(shop: &Shop, browser: &str) -> String {
    let request = shop.client().get(shop.url("/cart"));
    let page = request.header(COOKIE, browser).send().await.unwrap();
    page.text().await.unwrap()
}
