use tests::Shop;
use tests::browser::Browser;
use tests::customer::Customer;

use super::TOTAL;

#[tokio::test]
async fn any_instance_serves_any_request_and_nothing_goes_with_one_that_is_killed() {
    let mut shop = Shop::start_without_worker("instances").await;
    let customer = Customer::sign_up(&shop, "kim@example.com").await;
    let browser = Browser::sign_in(&shop, &customer.email).await;
    let cart = customer.fill_cart(&shop).await;

    shop.start_another_server().await;
    assert_eq!(browser.get(&shop, "/account").await.status(), 200);
    assert!(browser.read(&shop, "/cart").await.contains(TOTAL));
    let (status, order) = customer.post(&shop, "/orders", customer.order(&cart)).await;
    assert_eq!(status, 201, "{order}");

    shop.switch_servers();
    let path = format!("/orders/{}", order["number"]);
    assert!(browser.read(&shop, &path).await.contains(TOTAL));
    let elsewhere = Browser::sign_in(&shop, &customer.email).await;
    shop.kill_server().await;

    shop.switch_servers();
    for browser in [browser, elsewhere] {
        assert_eq!(browser.get(&shop, "/account").await.status(), 200);
        assert!(browser.read(&shop, &path).await.contains(TOTAL));
    }
}
