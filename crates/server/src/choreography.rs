//! What happens between the modules, on one page: which fact of one is answered by which use case of another.
//!
//! No module knows a neighbour. A reaction is a job of its own: it is enqueued in the transaction that publishes the fact,
//! is retried alone, and commits its effects together with its completion. Removing a module, or moving it to a process of
//! its own, means editing this file.
//!
//! | when | then |
//! |---|---|
//! | an order is placed | its payment is opened |
//! | a payment succeeds | its order is marked as paid |
//! | an order is paid | its invoice is issued |
//! | an order is cancelled | its payment is abandoned |
//! | a payment comes too late for its order | it is refunded |
//! | a payment is refunded | its order is marked as refunded |
//! | an order is placed, paid, shipped, cancelled or refunded, or an invoice is issued | its customer's endpoints are told |
//! | an endpoint is switched off | its owner gets a letter, for which `users` knows the address |

use std::time::Duration;

use billing::{
    Customer, InvoiceIssued, InvoiceLine, IssueInvoice, OpenPayment, PaymentRefunded,
    PaymentSucceeded,
};
use orders::{
    MarkPaid, MarkPaidError, MarkRefundedError, OrderCancelled, OrderPaid, OrderPlaced,
    OrderRefunded, OrderShipped, PaymentRejected,
};
use platform::events::Envelope;
use platform::jobs::{JobError, JobResult, JobRun, Registry};
use webhooks::{Notice, Owner, TellOwner};

use crate::app::App;

#[cfg(test)]
mod tests;
mod told;

use told::Told;

/// Adds every reaction to `registry`. The names are stored with the jobs, so they outlive the functions' names.
pub(crate) fn reactions(registry: Registry<App>) -> Registry<App> {
    registry
        .reaction("billing.open_payment", open_payment)
        .reaction("orders.mark_paid", mark_paid)
        .reaction("billing.issue_invoice", issue_invoice)
        .reaction("billing.abandon_payment", abandon_payment)
        .reaction("billing.refund_rejected_payment", refund_rejected_payment)
        .reaction("orders.mark_refunded", mark_refunded)
        .reaction("webhooks.tell_order_placed", tell::<OrderPlaced>)
        .reaction("webhooks.tell_order_paid", tell::<OrderPaid>)
        .reaction("webhooks.tell_order_shipped", tell::<OrderShipped>)
        .reaction("webhooks.tell_order_cancelled", tell::<OrderCancelled>)
        .reaction("webhooks.tell_order_refunded", tell::<OrderRefunded>)
        .reaction("webhooks.tell_invoice_issued", tell::<InvoiceIssued>)
}

async fn open_payment(app: App, run: JobRun, placed: Envelope<OrderPlaced>) -> JobResult {
    let OrderPlaced {
        order_id,
        number,
        user_id,
        total,
        ..
    } = placed.event;
    let open = OpenPayment {
        order_id,
        order_number: number.to_string(),
        user_id,
        amount: total,
    };
    let mut tx = run.begin().await?;
    app.billing().open_payment_in_tx(&mut tx, open).await?;
    run.complete(tx).await
}

async fn mark_paid(app: App, run: JobRun, succeeded: Envelope<PaymentSucceeded>) -> JobResult {
    let PaymentSucceeded {
        payment_id,
        order_id,
        amount,
        paid_at,
    } = succeeded.event;
    let payment = MarkPaid {
        order_id,
        payment_id,
        amount,
        paid_at,
    };
    let mut tx = run.begin().await?;
    match app.orders().mark_paid_in_tx(&mut tx, payment).await {
        Ok(()) => run.complete(tx).await,
        Err(MarkPaidError::Unexpected(error)) => Err(JobError::Retry(error)),
        // Only a person can put these right.
        Err(error @ (MarkPaidError::NotFound | MarkPaidError::WrongAmount { .. })) => {
            Err(JobError::fail(error))
        }
    }
}

async fn issue_invoice(app: App, run: JobRun, paid: Envelope<OrderPaid>) -> JobResult {
    let paid = paid.event;
    let lines = paid.lines.into_iter().map(|line| InvoiceLine {
        title: line.title,
        quantity: line.quantity.get(),
        unit_price: line.unit_price,
        line_total: line.line_total,
    });
    // The first line of the delivery address is the name, which an invoice states by itself.
    let [name, address @ ..] = paid.delivery.lines();
    let issue = IssueInvoice {
        order_id: paid.order_id,
        customer: Customer {
            name,
            email: paid.email,
            address: address.to_vec(),
        },
        lines: lines.collect(),
        total: paid.total,
    };
    let mut tx = run.begin().await?;
    app.billing().issue_invoice_in_tx(&mut tx, issue).await?;
    run.complete(tx).await
}

async fn abandon_payment(app: App, run: JobRun, cancelled: Envelope<OrderCancelled>) -> JobResult {
    let mut tx = run.begin().await?;
    let order_id = cancelled.event.order_id;
    let abandoned = app
        .billing()
        .abandon_payment_in_tx(&mut tx, order_id)
        .await?;
    if !abandoned {
        // This has overtaken `open_payment`. A payment opened after its order was cancelled would stay open.
        return Err(JobError::Snooze(Duration::from_secs(1)));
    }
    run.complete(tx).await
}

async fn refund_rejected_payment(
    app: App,
    run: JobRun,
    rejected: Envelope<PaymentRejected>,
) -> JobResult {
    let mut tx = run.begin().await?;
    app.billing()
        .refund_rejected_payment_in_tx(&mut tx, rejected.event.payment_id)
        .await?;
    run.complete(tx).await
}

async fn mark_refunded(app: App, run: JobRun, refunded: Envelope<PaymentRefunded>) -> JobResult {
    let PaymentRefunded {
        order_id,
        payment_id,
        ..
    } = refunded.event;
    let mut tx = run.begin().await?;
    match app
        .orders()
        .mark_refunded_in_tx(&mut tx, order_id, payment_id)
        .await
    {
        Ok(()) => run.complete(tx).await,
        Err(MarkRefundedError::Unexpected(error)) => Err(JobError::Retry(error)),
        Err(error @ MarkRefundedError::NotFound) => Err(JobError::fail(error)),
    }
}

async fn tell<E: Told>(app: App, run: JobRun, happened: Envelope<E>) -> JobResult {
    let notice = Notice {
        event_id: happened.id,
        user_id: happened.event.user_id(),
        kind: E::KIND,
        occurred_at: happened.occurred_at,
        data: happened.event.data(),
    };
    let mut tx = run.begin().await?;
    app.webhooks().notify_in_tx(&mut tx, notice).await?;
    run.complete(tx).await
}

/// Not a reaction, but the same kind of thing: a letter of one module to somebody whom another knows.
pub(crate) async fn tell_endpoints_owner(app: App, run: JobRun, job: TellOwner) -> JobResult {
    let contact = app.users().find_contact(job.user_id).await?;
    let owner = contact.map(|contact| Owner {
        email: contact.email,
        name: contact.name,
    });
    app.webhooks().clone().tell_owner(run, job, owner).await
}
