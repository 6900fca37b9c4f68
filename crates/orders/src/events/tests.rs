use chrono::DateTime;
use kernel::{Currency, ProductId};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::cart::Quantity;
use crate::testing::an_address;

/// Rows written by one release are read by the next and by the one before, so these may only grow.
#[test]
fn payloads_keep_their_form() {
    let order_id = OrderId::from_uuid(Uuid::nil());
    let user_id = UserId::from_uuid(Uuid::nil());
    let payment_id = PaymentId::from_uuid(Uuid::nil());
    let nil = "00000000-0000-0000-0000-000000000000";
    let number = OrderNumber::new(100_001);
    let price = Money::new(250, Currency::Eur);
    let (at, then) = (DateTime::UNIX_EPOCH, "1970-01-01T00:00:00Z");

    let placed = OrderPlaced {
        order_id,
        number,
        user_id,
        total: price,
        placed_at: at,
    };
    let money = json!({ "minor": 250, "currency": "EUR" });
    assert_eq!(
        serde_json::to_value(placed).unwrap(),
        json!({
            "order_id": nil, "number": 100_001, "user_id": nil, "total": money, "placed_at": then
        })
    );

    let line = OrderLine {
        product_id: ProductId::from_uuid(Uuid::nil()),
        title: "Mug".into(),
        quantity: Quantity::ONE,
        unit_price: price,
        line_total: price,
    };
    let paid = OrderPaid {
        order_id,
        number,
        user_id,
        email: "ann@example.com".parse().unwrap(),
        delivery: an_address(),
        lines: vec![line],
        total: price,
        payment_id,
        paid_at: at,
    };
    assert_eq!(
        serde_json::to_value(paid).unwrap(),
        json!({
            "order_id": nil, "number": 100_001, "user_id": nil, "email": "ann@example.com",
            "delivery": {
                "name": "Ann Lee", "street": "1 Main Street", "postal_code": "20457",
                "city": "Hamburg", "country": "DE"
            },
            "lines": [{
                "product_id": nil, "title": "Mug", "quantity": 1,
                "unit_price": money, "line_total": money
            }],
            "total": money, "payment_id": nil, "paid_at": then
        })
    );

    let given_up = json!({ "order_id": nil, "number": 100_001, "user_id": nil });
    let cancelled = OrderCancelled {
        order_id,
        number,
        user_id,
    };
    assert_eq!(serde_json::to_value(cancelled).unwrap(), given_up);
    let refunded = OrderRefunded {
        order_id,
        number,
        user_id,
    };
    assert_eq!(serde_json::to_value(refunded).unwrap(), given_up);
    let rejected = PaymentRejected {
        order_id,
        payment_id,
    };
    assert_eq!(
        serde_json::to_value(rejected).unwrap(),
        json!({ "order_id": nil, "payment_id": nil })
    );
}
