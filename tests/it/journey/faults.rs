use tests::Shop;

use super::customer::Customer;

#[tokio::test]
async fn a_job_runs_although_the_server_was_killed_right_after_the_commit() {
    let mut shop = Shop::start_without_worker("killed").await;
    let customer = Customer::sign_up(&shop, "cleo@example.com").await;
    let number = customer.order_two_mugs(&shop).await;
    shop.kill_server().await;

    shop.start_worker();
    let confirms =
        |mail: &tests::Mail| mail.text.contains(&format!("order {number}")).then_some(());
    shop.mail(customer.email, confirms).await;
}
