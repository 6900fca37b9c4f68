use std::time::Duration;

use platform::db::Tx;
use platform::jobs::{JobError, JobResult, JobRun};
use tracing::instrument;

use crate::courier::Attempt;
use crate::delivery::{Delivery, DeliveryStatus, Outcome};
use crate::endpoint::{Endpoint, EndpointStatus};
use crate::event_kind::EventKind;
use crate::jobs::{Deliver, TellOwner};
use crate::{Webhooks, db};

/// When to come back if too many calls are under way.
const CROWDED: Duration = Duration::from_secs(2);

impl Webhooks {
    /// Runs [`Deliver`]: makes one attempt. Whatever comes of it, the job is done: its record, the endpoint's health and the
    /// next attempt commit with it. An endpoint that does not work is no failure of ours, and nothing that an operator
    /// could put right.
    #[instrument(name = "job.webhooks.deliver", skip_all)]
    pub async fn deliver(self, run: JobRun, job: Deliver) -> JobResult {
        let Some((endpoint, delivery)) = self.find_due(&job).await? else {
            return run.complete_alone().await;
        };
        let attempt = if may_be_sent(&endpoint, &delivery) {
            let now = self.clock.now();
            let generations = endpoint.signing_generations(now);
            let secrets: Vec<_> = generations
                .map(|generation| self.secret(&endpoint, generation))
                .collect();
            let sent = self.courier.send(&endpoint, &delivery, &secrets, now);
            Some(sent.await.map_err(|_| JobError::Snooze(CROWDED))?)
        } else {
            None
        };
        let mut tx = run.begin().await?;
        self.record(&mut tx, &job, attempt).await?;
        run.complete(tx).await
    }

    /// The delivery with its endpoint, unless either is gone or the attempt was made already.
    async fn find_due(&self, job: &Deliver) -> anyhow::Result<Option<(Endpoint, Delivery)>> {
        let mut connection = self.db.acquire().await?;
        let delivery = db::deliveries::find(&mut connection, job.delivery_id).await?;
        let Some(delivery) = delivery.filter(|delivery| is_due(delivery, job)) else {
            return Ok(None);
        };
        let endpoint = db::endpoints::find(&mut connection, delivery.endpoint_id).await?;
        Ok(endpoint.map(|endpoint| (endpoint, delivery)))
    }

    /// Writes down what came of an attempt, or that none was made. The owner may have changed anything meanwhile.
    async fn record(
        &self,
        tx: &mut Tx,
        job: &Deliver,
        attempt: Option<Attempt>,
    ) -> anyhow::Result<()> {
        let Some(found) = db::deliveries::find(tx, job.delivery_id).await? else {
            return Ok(());
        };
        let Some(mut endpoint) = db::endpoints::lock(tx, found.endpoint_id).await? else {
            return Ok(());
        };
        // Read once more: it may have changed while this transaction waited for the lock.
        let delivery = db::deliveries::find(tx, job.delivery_id).await?;
        let Some(mut delivery) = delivery.filter(|delivery| is_due(delivery, job)) else {
            return Ok(());
        };
        match attempt {
            None => delivery.give_up(Outcome::EndpointDisabled),
            Some(attempt) => {
                self.note(tx, &mut endpoint, &mut delivery, attempt).await?;
            }
        }
        db::deliveries::update(tx, &delivery).await?;
        self.enqueue_attempt(tx, &endpoint, &delivery).await
    }

    async fn note(
        &self,
        tx: &mut Tx,
        endpoint: &mut Endpoint,
        delivery: &mut Delivery,
        attempt: Attempt,
    ) -> anyhow::Result<()> {
        let now = self.clock.now();
        let jitter = u64::from_le_bytes(self.entropy.bytes());
        delivery.note(attempt.outcome, attempt.retry_after, now, jitter);
        // A test is no event that was missed: it says nothing about the endpoint but to its owner.
        if delivery.event == EventKind::Test {
            return Ok(());
        }
        if endpoint.note(attempt.outcome.health(), now) {
            tracing::info!(endpoint_id = %endpoint.id, status = %endpoint.status, "an endpoint was switched off");
            let letter = TellOwner {
                user_id: endpoint.user_id,
                endpoint_id: endpoint.id,
            };
            self.jobs.enqueue(tx, &letter).await?;
        }
        if endpoint.status != EndpointStatus::Enabled && delivery.next_attempt_at.is_some() {
            delivery.give_up(attempt.outcome);
        }
        db::endpoints::update(tx, endpoint).await
    }
}

fn is_due(delivery: &Delivery, job: &Deliver) -> bool {
    delivery.status == DeliveryStatus::Pending && delivery.attempts + 1 == job.attempt
}

fn may_be_sent(endpoint: &Endpoint, delivery: &Delivery) -> bool {
    endpoint.status == EndpointStatus::Enabled || delivery.event == EventKind::Test
}
