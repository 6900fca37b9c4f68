//! The same way through, against the sandbox: it checks each parameter as the real provider does, which the stub does not.

use bytes::Bytes;
use kernel::Clock;
use platform::outbound::Policy;
use sandbox::{Running, Settings};
use url::Url;

use super::*;
use crate::{RefundReason, RequestRefund};

struct Shop {
    platform: TestPlatform,
    billing: Billing,
    _sandbox: Running,
    sandbox_url: Url,
}

impl Shop {
    async fn start() -> Self {
        let platform = TestPlatform::start(&[&MIGRATOR]).await;
        // The sandbox lives by the machine's clock, and an expiry in its past is refused.
        let ahead = Clock::system().now() - platform.clock.now();
        platform.clock.advance(ahead);
        let settings = Settings::default();
        let api_key = settings.api_key.clone();
        let sandbox = sandbox::start(settings).await.unwrap();
        let sandbox_url: Url = sandbox.public_url.parse().unwrap();
        let settings = testing::settings(sandbox_url.clone(), &api_key);
        Self {
            billing: Billing::new(&platform, settings).unwrap(),
            platform,
            _sandbox: sandbox,
            sandbox_url,
        }
    }

    /// Presses a button of the payment page.
    async fn press(&self, page: &str, button: &str) {
        let policy = Policy::for_partner(&self.sandbox_url);
        let browser = self
            .platform
            .outbound
            .dependency("browser", policy)
            .unwrap();
        let request = http::Request::post(page)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(format!("outcome={button}")))
            .unwrap();
        assert!(browser.send(request).await.unwrap().status.is_redirection());
    }
}

#[tokio::test]
async fn an_order_is_paid_after_a_declined_card_and_refunded() {
    let shop = Shop::start().await;
    let order = testing::an_order_to_pay(&shop.platform.clock, &shop.platform.entropy);
    let open = || shop.billing.start_checkout(order.clone(), return_urls());
    let page = open().await.unwrap().url;
    assert_eq!(open().await.unwrap().url, page);
    let payment = shop
        .billing
        .payment_of_order(order.user_id, order.order_id)
        .await;
    let payment = payment.unwrap().unwrap();

    shop.press(&page, "decline").await;
    let status = shop.billing.check_payment(payment.id).await.unwrap();
    assert_eq!(status, PaymentStatus::Pending);
    shop.press(&page, "silent").await;
    let status = shop.billing.check_payment(payment.id).await.unwrap();
    assert_eq!(status, PaymentStatus::Succeeded);

    let staff = Actor {
        user_id: order.user_id,
        role: Role::Admin,
    };
    let staff = staff.require_staff().unwrap();
    let refund = shop
        .billing
        .refund(
            staff,
            RequestRefund {
                order_number: order.order_number.clone(),
                amount: None,
                reason: RefundReason::parse("Damaged").unwrap(),
            },
        )
        .await
        .unwrap();
    let send = SendRefund {
        refund_id: refund.id,
    };
    let billing = shop.billing.clone();
    shop.platform
        .run_job(async |run, job| billing.send_refund(run, job).await, send)
        .await
        .unwrap();
    let status = shop.billing.check_payment(payment.id).await.unwrap();
    assert_eq!(status, PaymentStatus::Refunded);
}

#[tokio::test]
async fn a_cancelled_orders_page_is_closed() {
    let shop = Shop::start().await;
    let order = testing::an_order_to_pay(&shop.platform.clock, &shop.platform.entropy);
    shop.billing
        .start_checkout(order.clone(), return_urls())
        .await
        .unwrap();
    let mut tx = shop.platform.db.begin().await.unwrap();
    shop.billing
        .abandon_payment_in_tx(&mut tx, order.order_id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let [close] = &shop.platform.jobs_of::<ExpireSession>().await[..] else {
        panic!("one session to close");
    };
    // Once more, as after a crash: the sandbox answers the same key the same way.
    for _ in 0..2 {
        let billing = shop.billing.clone();
        shop.platform
            .run_job(
                async |run, job| billing.expire_session(run, job).await,
                close.clone(),
            )
            .await
            .unwrap();
    }
}
