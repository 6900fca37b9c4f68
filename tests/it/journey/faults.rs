use http::header::LOCATION;
use tests::Shop;
use tests::browser::Browser;
use tests::customer::Customer;

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
    let browser = Browser::sign_in(&shop, &customer.email).await;
    assert!(browser.read(&shop, "/cart").await.contains(TOTAL));
    assert_eq!(browser.get(&shop, "/account").await.status(), 200);

    shop.flush_redis().await;
    let turned_away = browser.get(&shop, "/account").await;
    assert_eq!(turned_away.status(), 303);
    let sign_in_form = turned_away.headers()[LOCATION].to_str().unwrap();
    assert!(sign_in_form.starts_with("/sign-in"), "{sign_in_form}");
    customer.get(&shop, "/me").await;

    let browser = Browser::sign_in(&shop, &customer.email).await;
    assert_eq!(browser.get(&shop, "/account").await.status(), 200);
    assert!(browser.read(&shop, "/cart").await.contains(TOTAL));
}
