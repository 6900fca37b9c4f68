use anyhow::{Context as _, ensure};
use chrono::Datelike as _;
use kernel::{InvoiceId, Money, OrderId, RefundId, UserId};
use platform::db::Tx;
use tracing::instrument;

use crate::events::InvoiceIssued;
use crate::invoice::{Content, Customer, Invoice, InvoiceKind, InvoiceLine, check_lines};
use crate::jobs::RenderInvoice;
use crate::payment::Payment;
use crate::refund::{Refund, RefundStatus};
use crate::{Billing, db};

/// What an invoice charges for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueInvoice {
    /// The order.
    pub order_id: OrderId,
    /// Who is charged.
    pub customer: Customer,
    /// What for. At least one line.
    pub lines: Vec<InvoiceLine>,
    /// What the lines add up to, and what was paid.
    pub total: Money,
}

/// What an invoice and a credit note do not share.
struct Draft {
    kind: InvoiceKind,
    order_id: OrderId,
    order_number: String,
    user_id: UserId,
    refund_id: Option<RefundId>,
    content: Content,
    total: Money,
}

impl Billing {
    /// Issues the invoice of a paid order, once. Its document is made and mailed by jobs.
    ///
    /// # Errors
    /// If the order has no payment, the lines do not add up to what was paid, or the invoice cannot be stored.
    #[instrument(name = "billing.issue_invoice", skip_all)]
    pub async fn issue_invoice_in_tx(
        &self,
        tx: &mut Tx,
        issue: IssueInvoice,
    ) -> anyhow::Result<InvoiceId> {
        // The lock makes a second announcement of the same order wait, and find the first one's invoice.
        let payment = db::payments::lock_of_order(tx, issue.order_id)
            .await
            .context("lock payment")?
            .context("an order without a payment cannot be invoiced")?;
        let issued = db::invoices::find_invoice_of_order(tx, issue.order_id)
            .await
            .context("find invoice")?;
        if let Some(invoice) = issued {
            return Ok(invoice.id);
        }
        check_lines(&issue.lines, issue.total)?;
        ensure!(
            issue.total == payment.amount,
            "the invoice is not about what was paid"
        );
        let draft = Draft {
            kind: InvoiceKind::Invoice,
            order_id: payment.order_id,
            order_number: payment.order_number.clone(),
            user_id: payment.user_id,
            refund_id: None,
            content: Content {
                seller: self.seller.as_ref().clone(),
                customer: issue.customer,
                lines: issue.lines,
                credits: None,
            },
            total: issue.total,
        };
        let id = self.issue(tx, draft).await?;
        self.credit_earlier_refunds(tx, &payment).await?;
        Ok(id)
    }

    /// Issues the credit note for a refund. Without an invoice there is nothing to take back: the order was never paid in
    /// its customer's eyes, or its invoice is still to come and will be followed by its credit note.
    pub(crate) async fn issue_credit_note_in_tx(
        &self,
        tx: &mut Tx,
        payment: &Payment,
        refund: &Refund,
    ) -> anyhow::Result<()> {
        let invoice = db::invoices::find_invoice_of_order(tx, payment.order_id)
            .await
            .context("find invoice")?;
        let Some(invoice) = invoice else {
            return Ok(());
        };
        let lines = credited_lines(&invoice, refund);
        let draft = Draft {
            kind: InvoiceKind::CreditNote,
            order_id: invoice.order_id,
            order_number: invoice.order_number,
            user_id: invoice.user_id,
            refund_id: Some(refund.id),
            content: Content {
                lines,
                credits: Some(invoice.number),
                ..invoice.content
            },
            total: refund.amount,
        };
        self.issue(tx, draft).await?;
        Ok(())
    }

    /// A refund can overtake the invoice of what it takes back.
    async fn credit_earlier_refunds(&self, tx: &mut Tx, payment: &Payment) -> anyhow::Result<()> {
        let refunds = db::refunds::list_of_payment(tx, payment.id)
            .await
            .context("list refunds")?;
        for refund in refunds {
            if refund.status == RefundStatus::Succeeded {
                self.issue_credit_note_in_tx(tx, payment, &refund).await?;
            }
        }
        Ok(())
    }

    async fn issue(&self, tx: &mut Tx, draft: Draft) -> anyhow::Result<InvoiceId> {
        let now = self.clock.now();
        let sequence = db::invoices::next_number(tx, draft.kind.series(), now.year())
            .await
            .context("take the next number")?;
        let invoice = Invoice {
            id: InvoiceId::generate(&self.clock, &self.entropy),
            kind: draft.kind,
            number: draft.kind.number(now.year(), sequence),
            order_id: draft.order_id,
            order_number: draft.order_number,
            user_id: draft.user_id,
            refund_id: draft.refund_id,
            content: draft.content,
            total: draft.total,
            issued_at: now,
            rendered_at: None,
            sent_at: None,
        };
        db::invoices::insert(tx, &invoice)
            .await
            .context("insert invoice")?;
        let event = InvoiceIssued {
            invoice_id: invoice.id,
            kind: invoice.kind,
            number: invoice.number,
            order_id: invoice.order_id,
            user_id: invoice.user_id,
            total: invoice.total,
            issued_at: invoice.issued_at,
        };
        self.events.publish(tx, &event).await?;
        let job = RenderInvoice {
            invoice_id: invoice.id,
        };
        self.jobs.enqueue(tx, &job).await?;
        Ok(invoice.id)
    }
}

/// The lines of a refund: those of the invoice where all of it goes back, else one for the part.
fn credited_lines(invoice: &Invoice, refund: &Refund) -> Vec<InvoiceLine> {
    if refund.amount == invoice.total {
        return invoice.content.lines.clone();
    }
    vec![InvoiceLine {
        title: format!("Partial refund of order {}", invoice.order_number),
        quantity: 1,
        unit_price: refund.amount,
        line_total: refund.amount,
    }]
}
