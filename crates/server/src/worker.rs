//! The worker: the one list of background jobs, and when the regular ones run.

use std::sync::Arc;

use billing::{
    CheckPayment, DeleteOldWebhookEvents, ExpireSession, ProcessWebhook, Reconcile, RenderInvoice,
    SendInvoice, SendRefund,
};
use chrono::TimeDelta;
use orders::{CancelUnpaid, PurgeCarts, SendConfirmation, SweepAttachment};
use platform::backfills::RunBatch;
use platform::jobs::{Job, JobResult, JobRun, Queue, Registry, Runner, Worker, WorkerSettings};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use users::{
    MakeThumbnails, PurgeExpired, SendAlreadyRegistered, SendEmailChange, SendEmailChanged,
    SendPasswordChanged, SendPasswordReset, SendVerification,
};
use webhooks::{Deliver, PurgeDeliveries};

use crate::app::App;
use crate::choreography;

/// Every kind of job with its handler, and every schedule.
#[must_use]
pub fn registry() -> Registry<App> {
    choreography::reactions(Registry::new())
        .job(|app: App, run, job: SendVerification| app.users().clone().send_verification(run, job))
        .job(|app: App, run, job: SendAlreadyRegistered| {
            app.users().clone().send_already_registered(run, job)
        })
        .job(|app: App, run, job: SendPasswordReset| {
            app.users().clone().send_password_reset(run, job)
        })
        .job(|app: App, run, job: SendPasswordChanged| {
            app.users().clone().send_password_changed(run, job)
        })
        .job(|app: App, run, job: SendEmailChange| app.users().clone().send_email_change(run, job))
        .job(|app: App, run, job: SendEmailChanged| {
            app.users().clone().send_email_changed(run, job)
        })
        .job(|app: App, run, job: MakeThumbnails| app.users().clone().make_thumbnails(run, job))
        .job(|app: App, run, job: PurgeExpired| app.users().clone().purge_expired(run, job))
        .job(|app: App, run, job: SendConfirmation| {
            app.orders().clone().send_confirmation(run, job)
        })
        .job(|app: App, run, job: CancelUnpaid| app.orders().clone().cancel_unpaid(run, job))
        .job(|app: App, run, job: PurgeCarts| app.orders().clone().purge_carts(run, job))
        .job(|app: App, run, job: SweepAttachment| app.orders().clone().sweep_attachment(run, job))
        .job(|app: App, run, job: ProcessWebhook| app.billing().clone().process_webhook(run, job))
        .job(|app: App, run, job: CheckPayment| app.billing().clone().check_payment_later(run, job))
        .job(|app: App, run, job: ExpireSession| app.billing().clone().expire_session(run, job))
        .job(|app: App, run, job: SendRefund| app.billing().clone().send_refund(run, job))
        .job(|app: App, run, job: RenderInvoice| app.billing().clone().render_invoice(run, job))
        .job(|app: App, run, job: SendInvoice| app.billing().clone().send_invoice(run, job))
        .job(|app: App, run, job: DeleteOldWebhookEvents| {
            app.billing().clone().delete_old_webhook_events(run, job)
        })
        .job(|app: App, run, job: Reconcile| app.billing().clone().reconcile(run, job))
        .job(|app: App, run, job: Deliver| app.webhooks().clone().deliver(run, job))
        .job(choreography::tell_endpoints_owner)
        .job(|app: App, run, job: PurgeDeliveries| {
            app.webhooks().clone().purge_deliveries(run, job)
        })
        .job(async |app: App, run, job: RunBatch| app.backfills().run_batch(run, job).await)
        .job(purge_history)
        .schedule("*/5 * * * *", &CancelUnpaid {})
        .schedule("7 * * * *", &PurgeCarts {})
        .schedule("17 * * * *", &DeleteOldWebhookEvents {})
        .schedule("27 * * * *", &PurgeExpired {})
        .schedule("37 * * * *", &Reconcile {})
        .schedule("47 * * * *", &PurgeDeliveries {})
        .schedule("*/10 * * * *", &PurgeHistory {})
}

/// Runs `app`'s jobs.
#[must_use]
pub fn runner(app: &App) -> Arc<Runner<App>> {
    let platform = app.platform();
    Runner::new(
        app.clone(),
        registry(),
        platform.db.clone(),
        platform.clock.clone(),
        platform.entropy.clone(),
        app.job_timing(),
    )
}

/// Works until `stop`.
///
/// # Errors
/// If the runtime of the jobs fails.
pub async fn work(app: &App, stop: CancellationToken) -> anyhow::Result<()> {
    Worker::new(runner(app), WorkerSettings::default())
        .run(stop)
        .await
}

/// Deletes what has happened long ago (requirement I3): finished jobs after 7 days, idempotency keys after 72 hours, events
/// after 90 days.
#[derive(Debug, Serialize, Deserialize)]
struct PurgeHistory {}

impl Job for PurgeHistory {
    const KIND: &'static str = "platform.purge_history";
    const QUEUE: Queue = Queue::Reports;
}

async fn purge_history(app: App, run: JobRun, _: PurgeHistory) -> JobResult {
    let platform = app.platform();
    let now = platform.clock.now();
    let mut tx = run.begin().await?;
    platform
        .jobs
        .purge(&mut tx, now - TimeDelta::days(7))
        .await?;
    platform
        .events
        .purge(&mut tx, now - TimeDelta::days(90))
        .await?;
    app.idempotency()
        .purge(&mut tx, now - TimeDelta::hours(72))
        .await?;
    run.complete(tx).await
}

#[cfg(test)]
mod tests;
