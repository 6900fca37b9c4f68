//! Papers for tests.

use chrono::DateTime;
use kernel::{Clock, Currency, Entropy, InvoiceId, Money, OrderId, UserId};

use super::{Content, Customer, Invoice, InvoiceKind, InvoiceLine};
use crate::settings::Seller;

pub(crate) fn an_invoice(lines: Vec<InvoiceLine>) -> Invoice {
    let (clock, entropy) = (Clock::fixed(DateTime::UNIX_EPOCH), Entropy::seeded(1));
    Invoice {
        id: InvoiceId::generate(&clock, &entropy),
        kind: InvoiceKind::Invoice,
        number: "INV-2026-000042".to_owned(),
        order_id: OrderId::generate(&clock, &entropy),
        order_number: "M-1001".to_owned(),
        user_id: UserId::generate(&clock, &entropy),
        refund_id: None,
        content: Content {
            seller: Seller {
                name: "The Shop Ltd".to_owned(),
                address: vec!["1 Harbour Street".to_owned()],
                tax_id: None,
            },
            customer: Customer {
                name: "Zoë Łukasiewicz".to_owned(),
                email: "zoe@example.com".parse().unwrap(),
                address: vec!["ul. Długa 5".to_owned(), "00-238 Warszawa".to_owned()],
            },
            lines,
            credits: None,
        },
        total: Money::new(4_200, Currency::Eur),
        issued_at: DateTime::from_timestamp(1_767_614_400, 0).unwrap(),
        rendered_at: None,
        sent_at: None,
    }
}

pub(crate) fn a_line(title: &str) -> InvoiceLine {
    InvoiceLine {
        title: title.to_owned(),
        quantity: 2,
        unit_price: Money::new(2_100, Currency::Eur),
        line_total: Money::new(4_200, Currency::Eur),
    }
}
