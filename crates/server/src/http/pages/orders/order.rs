use askama::Template;
use axum::extract::State;
use chrono::{DateTime, Utc};
use orders::{Order, OrderNumber, OrderStatus, Orders, TrackedOrder};

use crate::http::error::Result;
use crate::http::extract::Path;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::CurrentUser;

#[derive(Template)]
#[template(path = "orders/order.html")]
struct OrderPage {
    layout: Layout,
    order: Order,
    /// What happened, and when.
    steps: Vec<(&'static str, DateTime<Utc>)>,
}

impl OrderPage {
    /// It can be paid or cancelled.
    fn is_open(&self) -> bool {
        self.order.status == OrderStatus::Placed
    }

    fn has_invoice(&self) -> bool {
        self.order.payment_id.is_some()
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
    layout: Layout,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let TrackedOrder { order, timeline } = orders.get(user.id(), number).await?;
    let steps = timeline
        .into_iter()
        .map(|entry| (describe(entry.status), entry.entered_at));
    pages::show(&OrderPage {
        layout,
        order,
        steps: steps.collect(),
    })
}
