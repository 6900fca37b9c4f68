use chrono::DateTime;
use kernel::{Clock, Currency, Entropy};
use proptest::prelude::*;

use super::*;
use crate::product::Product;
use crate::testing::an_address;

const fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::Eur)
}

fn ids() -> (Clock, Entropy) {
    (Clock::fixed(DateTime::UNIX_EPOCH), Entropy::seeded(1))
}

fn a_line(price: Money, stock: u32, quantity: u32) -> CartLine {
    let (clock, entropy) = ids();
    let product = Product {
        id: ProductId::generate(&clock, &entropy),
        slug: "mug".into(),
        category: "kitchen".into(),
        title: "Mug".into(),
        summary: String::new(),
        description: String::new(),
        price,
        stock,
        picture: String::new(),
    };
    CartLine::new(product, Quantity::try_from(quantity).unwrap()).unwrap()
}

fn place(lines: Vec<CartLine>, expected_total: Money) -> Result<Order, PlaceError> {
    let (clock, entropy) = ids();
    let command = PlaceOrder {
        email: "ann@example.com".parse().unwrap(),
        delivery: an_address(),
        expected_total,
    };
    Order::place(
        OrderId::generate(&clock, &entropy),
        OrderNumber::new(100_001),
        UserId::generate(&clock, &entropy),
        Cart::new(lines).unwrap(),
        command,
        clock.now(),
    )
}

fn an_order() -> Order {
    place(vec![a_line(eur(250), 9, 2)], eur(500)).unwrap()
}

#[test]
fn an_order_is_a_snapshot_of_the_cart() {
    let order = an_order();
    assert_eq!(order.status, OrderStatus::Placed);
    assert_eq!(order.total, eur(500));
    let [line] = &order.lines[..] else {
        panic!("one line: {:?}", order.lines)
    };
    assert_eq!((line.unit_price, line.line_total), (eur(250), eur(500)));
    assert_eq!((line.title.as_str(), line.quantity.get()), ("Mug", 2));
}

#[test]
fn an_empty_cart_is_no_order() {
    assert!(matches!(place(vec![], eur(0)), Err(PlaceError::EmptyCart)));
}

#[test]
fn a_total_that_the_customer_did_not_see_is_not_charged() {
    let placed = place(vec![a_line(eur(250), 9, 2)], eur(400));
    assert!(matches!(placed, Err(PlaceError::TotalChanged { total }) if total == eur(500)));
    let dollars = Money::new(500, Currency::Usd);
    let placed = place(vec![a_line(eur(250), 9, 2)], dollars);
    assert!(matches!(placed, Err(PlaceError::TotalChanged { .. })));
}

#[test]
fn what_is_not_in_stock_is_named() {
    let lines = vec![a_line(eur(250), 2, 2), a_line(eur(100), 2, 3)];
    let Err(PlaceError::OutOfStock { titles }) = place(lines, eur(800)) else {
        panic!("the second line asks for more than there is")
    };
    assert_eq!(titles, ["Mug"]);
}

#[test]
fn a_payment_is_accepted_once() {
    let (clock, entropy) = ids();
    let payment_id = PaymentId::generate(&clock, &entropy);
    let mut order = an_order();
    assert_eq!(order.pay(payment_id, eur(499)), Payment::WrongAmount);
    assert_eq!(order.status, OrderStatus::Placed);
    assert_eq!(order.pay(payment_id, eur(500)), Payment::Accepted);
    assert_eq!(order.pay(payment_id, eur(500)), Payment::KnownAlready);
    let other = PaymentId::generate(&clock, &entropy);
    assert_eq!(order.pay(other, eur(500)), Payment::TooLate);
    assert_eq!(order.payment_id, Some(payment_id));
}

#[test]
fn a_payment_of_a_cancelled_order_is_too_late() {
    let (clock, entropy) = ids();
    let mut order = an_order();
    order.advance(OrderStatus::Cancelled).unwrap();
    let payment = order.pay(PaymentId::generate(&clock, &entropy), eur(500));
    assert_eq!(payment, Payment::TooLate);
    assert_eq!(order.payment_id, None);
}

#[test]
fn the_machine_has_these_steps_and_no_others() {
    let steps = |from: OrderStatus| {
        OrderStatus::ALL
            .into_iter()
            .filter(|next| from.leads_to(*next))
            .map(OrderStatus::as_str)
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(OrderStatus::Placed), ["paid", "cancelled"]);
    assert_eq!(steps(OrderStatus::Paid), ["shipped", "refunded"]);
    assert_eq!(steps(OrderStatus::Shipped), ["completed", "refunded"]);
    assert_eq!(steps(OrderStatus::Completed), ["refunded"]);
    assert!(steps(OrderStatus::Cancelled).is_empty());
    assert!(steps(OrderStatus::Refunded).is_empty());
}

#[test]
fn a_status_reads_back_from_its_name() {
    for status in OrderStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
    assert_eq!("lost".parse::<OrderStatus>(), Err(UnknownStatus));
}

proptest! {
    /// Whatever is asked of an order, in whatever order: it only moves forward, a refused step changes nothing, and the
    /// order never has a payment that its status denies.
    #[test]
    fn no_sequence_of_requests_breaks_the_machine(
        requests in proptest::collection::vec(proptest::sample::select(&OrderStatus::ALL[..]), 0..12)
    ) {
        let (clock, entropy) = ids();
        let mut order = an_order();
        for request in requests {
            let before = order.clone();
            let moved = if request == OrderStatus::Paid {
                let total = order.total;
                order.pay(PaymentId::generate(&clock, &entropy), total) == Payment::Accepted
            } else {
                order.advance(request).is_ok()
            };
            if moved {
                prop_assert!(order.status > before.status);
                prop_assert_eq!(order.status, request);
            } else {
                prop_assert_eq!(&order, &before);
            }
            let unpaid = matches!(order.status, OrderStatus::Placed | OrderStatus::Cancelled);
            prop_assert_eq!(order.payment_id.is_none(), unpaid);
        }
    }
}
