use askama::Template;
use axum::extract::State;
use billing::{Billing, PaymentStatus};
use chrono::{DateTime, Utc};
use kernel::UserId;
use orders::{
    Attachment, MAX_ATTACHMENTS, Order, OrderNumber, OrderStatus, Orders, Reader, TrackedOrder,
};

use crate::http::error::Result;
use crate::http::extract::Path;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::CurrentUser;

#[derive(Template)]
#[template(path = "orders/order.html")]
pub(super) struct OrderPage {
    layout: Layout,
    order: Order,
    /// What happened, and when.
    steps: Vec<(&'static str, DateTime<Utc>)>,
    /// The money is there. The order says so itself once it has heard of it, a moment later.
    is_paid: bool,
    attachments: Vec<Attachment>,
    errors: FieldErrors,
}

impl OrderPage {
    /// One of a person's orders, and what is wrong with the file that they have just sent.
    pub(super) async fn load(
        (orders, billing): (&Orders, &Billing),
        layout: Layout,
        user_id: UserId,
        number: OrderNumber,
        errors: FieldErrors,
    ) -> Result<Self> {
        let TrackedOrder { order, timeline } = orders.get(user_id, number).await?;
        let payment = billing.payment_of_order(user_id, order.id).await?;
        let reader = Reader::Customer(user_id);
        let attachments = orders.list_attachments(reader, number).await?;
        let steps = timeline
            .into_iter()
            .map(|entry| (describe(entry.status), entry.entered_at));
        Ok(Self {
            layout,
            order,
            is_paid: payment.is_some_and(|payment| payment.status == PaymentStatus::Succeeded),
            steps: steps.collect(),
            attachments,
            errors,
        })
    }

    fn is_placed(&self) -> bool {
        self.order.status == OrderStatus::Placed
    }

    fn has_invoice(&self) -> bool {
        self.order.payment_id.is_some()
    }

    fn takes_attachments(&self) -> bool {
        self.order.status.takes_attachments()
    }

    fn is_full(&self) -> bool {
        self.attachments.len() as u64 >= MAX_ATTACHMENTS
    }
}

/// How a step of the timeline reads.
fn describe(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Placed => "Order placed",
        OrderStatus::Paid => "Payment received",
        OrderStatus::Shipped => "Handed over for delivery",
        OrderStatus::Completed => "Delivered",
        OrderStatus::Cancelled => "Order cancelled",
        OrderStatus::Refunded => "Payment refunded",
    }
}

/// One of a person's orders.
pub(super) async fn show(
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    layout: Layout,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let modules = (&orders, &billing);
    let page = OrderPage::load(modules, layout, user.id(), number, FieldErrors::new());
    pages::show(&page.await?)
}
