//! The module through its facade, on a real database, with a provider whose every state is in the test's hand.

mod checkout;
mod invoices;
mod ledger;
mod mismatches;
mod provider_stub;
mod reconciliation;
mod refunds;
mod sandbox_provider;
mod webhooks;

use std::ops::Deref;

use kernel::{Actor, Role, Staff, UserId};
use platform::jobs::{Job, JobResult};
use platform::testing::TestPlatform;
use serde_json::json;

use crate::jobs::{ExpireSession, ProcessWebhook, RenderInvoice, SendInvoice, SendRefund};
use crate::payment::Payment;
use crate::{
    Billing, MIGRATOR, OpenPayment, PaymentStatus, ReceiveWebhookError, ReturnUrls, db, testing,
};
use provider_stub::ProviderStub;

struct World {
    platform: TestPlatform,
    provider: ProviderStub,
    billing: Billing,
}

impl Deref for World {
    type Target = Billing;

    fn deref(&self) -> &Billing {
        &self.billing
    }
}

impl World {
    async fn start() -> Self {
        let platform = TestPlatform::start(&[&MIGRATOR]).await;
        let provider = ProviderStub::start().await;
        let settings = testing::settings(provider.url.clone(), provider_stub::API_KEY);
        let billing = Billing::new(&platform, settings).unwrap();
        Self {
            platform,
            provider,
            billing,
        }
    }

    fn an_order(&self) -> OpenPayment {
        testing::an_order_to_pay(&self.platform.clock, &self.platform.entropy)
    }

    /// Sends the customer to the payment page; gives the id of the session.
    async fn check_out(&self, order: &OpenPayment) -> String {
        let checkout = self
            .start_checkout(order.clone(), return_urls())
            .await
            .unwrap();
        checkout.url.rsplit('/').next().unwrap().to_owned()
    }

    /// An order whose money has arrived.
    async fn a_paid_order(&self) -> OpenPayment {
        let order = self.an_order();
        let session = self.check_out(&order).await;
        self.provider.pay(&session);
        self.hear("evt_paid", "checkout.session.completed", &session)
            .await;
        order
    }

    /// A webhook as the provider would send it now.
    async fn receive(
        &self,
        id: &str,
        kind: &str,
        object_id: &str,
    ) -> Result<(), ReceiveWebhookError> {
        self.receive_signed(&event(id, kind, object_id)).await
    }

    /// A body as if the provider had sent it now.
    async fn receive_signed(&self, body: &[u8]) -> Result<(), ReceiveWebhookError> {
        let secret = testing::WEBHOOK_SECRET.into();
        let signature = testing::sign_webhook(&secret, body, self.platform.clock.now());
        self.receive_webhook(body, &signature).await
    }

    /// Looks into a webhook.
    async fn hear(&self, id: &str, kind: &str, object_id: &str) {
        let job = ProcessWebhook {
            event_id: id.to_owned(),
            kind: kind.to_owned(),
            object_id: object_id.to_owned(),
        };
        self.run(Billing::process_webhook, job).await.unwrap();
    }

    async fn run<J: Job, F: Future<Output = JobResult>>(
        &self,
        handler: impl FnOnce(Billing, platform::jobs::JobRun, J) -> F,
        job: J,
    ) -> JobResult {
        let billing = self.billing.clone();
        self.platform
            .run_job(async |run, job| handler(billing, run, job).await, job)
            .await
    }

    async fn payment(&self, order: &OpenPayment) -> Payment {
        let mut connection = self.platform.db.acquire().await.unwrap();
        db::payments::find_of_order(&mut connection, order.user_id, order.order_id)
            .await
            .unwrap()
            .unwrap()
    }

    async fn status(&self, order: &OpenPayment) -> PaymentStatus {
        self.payment(order).await.status
    }

    async fn open(&self, order: &OpenPayment) {
        let mut tx = self.platform.db.begin().await.unwrap();
        self.open_payment_in_tx(&mut tx, order.clone())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    async fn abandon(&self, order: &OpenPayment) {
        let mut tx = self.platform.db.begin().await.unwrap();
        self.abandon_payment_in_tx(&mut tx, order.order_id)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// What the ledger's accounts hold, and the proof that they sum to zero.
    async fn in_clearing(&self) -> i64 {
        let balances = self.ledger_balance().await.unwrap();
        let sum: i64 = balances.iter().map(|it| it.balance.minor()).sum();
        assert_eq!(sum, 0, "{balances:?}");
        let clearing = balances
            .iter()
            .find(|it| it.account == crate::Account::ProviderClearing);
        clearing.map_or(0, |it| it.balance.minor())
    }

    fn staff(&self) -> Staff {
        let user_id = UserId::generate(&self.platform.clock, &self.platform.entropy);
        let actor = Actor {
            user_id,
            role: Role::Finance,
        };
        actor.require_staff().unwrap()
    }
}

fn return_urls() -> ReturnUrls {
    ReturnUrls {
        success: "https://shop.example/orders/M-1?paid".parse().unwrap(),
        cancel: "https://shop.example/orders/M-1".parse().unwrap(),
    }
}

fn event(id: &str, kind: &str, object_id: &str) -> Vec<u8> {
    let event = json!({
        "id": id, "object": "event", "type": kind, "livemode": false,
        "data": { "object": { "id": object_id, "amount_total": 1, "payment_status": "paid" } },
    });
    event.to_string().into_bytes()
}
