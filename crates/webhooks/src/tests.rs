mod deliveries;
mod endpoints;
mod failures;
mod private_addresses;

use std::sync::Arc;

use kernel::{EmailAddress, PageRequest};
use platform::jobs::{Registry, Runner, Timing};
use platform::testing::TestPlatform;

use crate::testing::{Receiver, start};
use crate::{Deliver, Delivery, Endpoint, EventKind, Owner, TellOwner, Webhooks};

/// The module, and an endpoint of somebody's that works.
struct World {
    platform: TestPlatform,
    webhooks: Webhooks,
    receiver: Receiver,
    endpoint: Endpoint,
}

impl World {
    async fn open() -> Self {
        let (platform, webhooks) = start().await;
        let receiver = Receiver::start().await;
        let endpoint = webhooks.an_endpoint(webhooks.a_user(), &receiver.url).await;
        Self {
            platform,
            webhooks,
            receiver,
            endpoint,
        }
    }

    /// Tells the owner of the endpoint something.
    async fn notify(&self) {
        let user_id = self.endpoint.user_id;
        let notice = self.webhooks.a_notice(user_id, EventKind::OrderShipped);
        self.webhooks.notify(notice).await;
    }

    /// Does what is due.
    async fn work(&self) {
        self.work_as(&self.webhooks).await;
    }

    /// Does what is due, as `webhooks` does it. None of it may be a failure of ours.
    async fn work_as(&self, webhooks: &Webhooks) {
        let reports = self.runner(webhooks).run_due().await;
        for report in reports.unwrap() {
            assert_eq!(report.error, None, "{}", report.kind);
        }
    }

    fn runner(&self, webhooks: &Webhooks) -> Arc<Runner<Webhooks>> {
        let registry = Registry::new()
            .job(|app: Webhooks, run, job: Deliver| app.deliver(run, job))
            .job(|app: Webhooks, run, job: TellOwner| app.tell_owner(run, job, Some(ann())));
        Runner::new(
            webhooks.clone(),
            registry,
            self.platform.db.clone(),
            self.platform.clock.clone(),
            self.platform.entropy.clone(),
            Timing::default(),
        )
    }

    /// The attempts that are still to be made.
    async fn waiting(&self) -> Vec<Deliver> {
        self.platform.jobs_of::<Deliver>().await
    }

    /// The last thing that was sent to the endpoint, or is to be.
    async fn delivery(&self) -> Delivery {
        last_delivery(&self.webhooks, &self.endpoint).await
    }

    /// The endpoint as it stands.
    async fn standing(&self) -> Endpoint {
        let (user_id, id) = (self.endpoint.user_id, self.endpoint.id);
        self.webhooks.get(user_id, id).await.unwrap()
    }

    fn secret(&self) -> String {
        self.webhooks.secret_of(&self.endpoint).reveal()
    }
}

/// The last thing that was sent to `endpoint`, or is to be.
async fn last_delivery(webhooks: &Webhooks, endpoint: &Endpoint) -> Delivery {
    let page = PageRequest::default();
    let listed = webhooks.list_deliveries(endpoint.user_id, endpoint.id, &page);
    let last = listed.await.unwrap().items.into_iter().next();
    last.expect("a delivery")
}

fn ann() -> Owner {
    Owner {
        email: EmailAddress::parse("ann@example.com").unwrap(),
        name: "Ann".to_owned(),
    }
}
