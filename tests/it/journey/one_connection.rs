//! Rule 7 of the house: no transaction is open while a partner is called, and nobody takes a second connection while
//! holding one. With a single connection in the pool, whoever breaks it waits for himself, or makes all others wait.

use std::pin::pin;

use futures::future::{Either, select};
use tests::customer::Customer;
use tests::{Manner, Partner, Setup, Shop, eventually};

/// Longer than anybody waits for a connection.
const SLOW: u32 = 4_000;

#[tokio::test]
async fn the_shop_does_with_one_connection_and_holds_it_over_no_call() {
    let setup = Setup::new("one-connection").with("DATABASE_POOL_SIZE", "1");
    let shop = Shop::open(setup).await;
    let customer = Customer::sign_up(&shop, "ines@example.com").await;

    let number = customer.order_two_mugs(&shop).await;
    customer.pay(&shop, &number).await;
    eventually("an invoice with its document", async || {
        let invoices = customer.get(&shop, "/invoices").await;
        (invoices["items"][0]["has_document"] == true).then_some(())
    })
    .await;

    let number = customer.order_two_mugs(&shop).await;
    shop.behave(Partner::Payments, Manner::Slow(SLOW)).await;
    let paying = customer.start_payment(&shop, &number);
    let ((status, checkout), served) = serve_meanwhile(&shop, &customer, paying).await;
    assert_eq!(status, 201, "{checkout}");
    assert!(served > 2, "{served} requests during a call of {SLOW} ms");

    shop.behave(Partner::Smtp, Manner::Slow(SLOW)).await;
    let sent = async || {
        shop.metric("outbound_calls_total", &[("dependency", "mail")])
            .await
    };
    let before = sent().await;
    customer.order_two_mugs(&shop).await;
    let sending = eventually("a mail that is sent", async || {
        (sent().await > before).then_some(())
    });
    let ((), served) = serve_meanwhile(&shop, &customer, sending).await;
    assert!(served > 2, "{served} requests during a mail of {SLOW} ms");
}

/// How many requests that need the database are answered while `call` goes on, one after the other.
async fn serve_meanwhile<T>(
    shop: &Shop,
    customer: &Customer,
    call: impl Future<Output = T>,
) -> (T, u32) {
    let mut call = pin!(call);
    let mut served = 0;
    loop {
        match select(call, pin!(customer.get(shop, "/cart"))).await {
            Either::Left((outcome, _)) => return (outcome, served),
            Either::Right((_, pending)) => {
                call = pending;
                served += 1;
            }
        }
    }
}
