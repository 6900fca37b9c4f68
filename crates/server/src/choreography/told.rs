//! What endpoints of customers are told of each event. It is promised to their programs: a field may be added, and any other
//! change is a new version of the messages. What stands here has the names and forms of the API.

use billing::InvoiceIssued;
use kernel::{Money, UserId};
use orders::{OrderCancelled, OrderPaid, OrderPlaced, OrderRefunded, OrderShipped};
use platform::events::Event;
use serde_json::{Value, json};
use webhooks::EventKind;

/// An event that concerns a customer.
pub(super) trait Told: Event {
    /// What it is called there.
    const KIND: EventKind;

    /// Whom it concerns.
    fn user_id(&self) -> UserId;

    /// What there is to know.
    fn data(&self) -> Value;
}

impl Told for OrderPlaced {
    const KIND: EventKind = EventKind::OrderPlaced;

    fn user_id(&self) -> UserId {
        self.user_id
    }

    fn data(&self) -> Value {
        json!({
            "order_id": self.order_id,
            "number": self.number,
            "status": "placed",
            "total": money(self.total),
            "placed_at": self.placed_at,
        })
    }
}

impl Told for OrderPaid {
    const KIND: EventKind = EventKind::OrderPaid;

    fn user_id(&self) -> UserId {
        self.user_id
    }

    fn data(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            json!({
                "product_id": line.product_id,
                "title": line.title,
                "quantity": line.quantity.get(),
                "unit_price": money(line.unit_price),
                "line_total": money(line.line_total),
            })
        });
        json!({
            "order_id": self.order_id,
            "number": self.number,
            "status": "paid",
            "lines": lines.collect::<Vec<_>>(),
            "total": money(self.total),
            "paid_at": self.paid_at,
        })
    }
}

impl Told for OrderShipped {
    const KIND: EventKind = EventKind::OrderShipped;

    fn user_id(&self) -> UserId {
        self.user_id
    }

    fn data(&self) -> Value {
        json!({
            "order_id": self.order_id,
            "number": self.number,
            "status": "shipped",
            "shipped_at": self.shipped_at,
        })
    }
}

impl Told for OrderCancelled {
    const KIND: EventKind = EventKind::OrderCancelled;

    fn user_id(&self) -> UserId {
        self.user_id
    }

    fn data(&self) -> Value {
        json!({ "order_id": self.order_id, "number": self.number, "status": "cancelled" })
    }
}

impl Told for OrderRefunded {
    const KIND: EventKind = EventKind::OrderRefunded;

    fn user_id(&self) -> UserId {
        self.user_id
    }

    fn data(&self) -> Value {
        json!({ "order_id": self.order_id, "number": self.number, "status": "refunded" })
    }
}

impl Told for InvoiceIssued {
    const KIND: EventKind = EventKind::InvoiceIssued;

    fn user_id(&self) -> UserId {
        self.user_id
    }

    fn data(&self) -> Value {
        json!({
            "invoice_id": self.invoice_id,
            "kind": self.kind.as_str(),
            "number": self.number,
            "order_id": self.order_id,
            "total": money(self.total),
            "issued_at": self.issued_at,
        })
    }
}

fn money(money: Money) -> Value {
    json!({ "minor": money.minor(), "currency": money.currency().code() })
}
