//! For the tests of this crate and of those above.

use chrono::{DateTime, Utc};
use kernel::{Clock, Currency, Entropy, Money, OrderId, UserId};
use secrecy::SecretString;
use url::Url;

use crate::{BillingSettings, Customer, InvoiceLine, IssueInvoice, OpenPayment, Seller, signature};

/// The secret that test webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_test";

/// Settings for a provider at `api_url`.
#[must_use]
pub fn settings(api_url: Url, api_key: &str) -> BillingSettings {
    BillingSettings {
        api_url,
        api_key: api_key.into(),
        webhook_secrets: vec![WEBHOOK_SECRET.into()],
        seller: Seller {
            name: "The Shop Ltd".to_owned(),
            address: vec!["1 Harbour Street".to_owned(), "20457 Hamburg".to_owned()],
            tax_id: Some("DE 123 456 789".to_owned()),
        },
    }
}

/// The `Stripe-Signature` header for `body`, as the provider would send it at `at`.
#[must_use]
pub fn sign_webhook(secret: &SecretString, body: &[u8], at: DateTime<Utc>) -> String {
    signature::sign(secret, body, at)
}

/// An order of €42.00 that wants to be paid.
#[must_use]
pub fn an_order_to_pay(clock: &Clock, entropy: &Entropy) -> OpenPayment {
    let order_id = OrderId::generate(clock, entropy);
    OpenPayment {
        order_id,
        order_number: format!("M-{}", &order_id.to_string()[24..]),
        user_id: UserId::generate(clock, entropy),
        amount: Money::new(4_200, Currency::Eur),
    }
}

/// What the invoice of [`an_order_to_pay`] says.
///
/// # Panics
/// Never: the address in it is one.
#[must_use]
pub fn the_invoice_of(order: &OpenPayment) -> IssueInvoice {
    let price = Money::new(order.amount.minor() / 2, order.amount.currency());
    IssueInvoice {
        order_id: order.order_id,
        customer: Customer {
            name: "Ann Lee".to_owned(),
            email: "ann@example.com".parse().expect("an e-mail address"),
            address: vec!["5 Market Square".to_owned(), "10115 Berlin".to_owned()],
        },
        lines: vec![InvoiceLine {
            title: "Copper kettle".to_owned(),
            quantity: 2,
            unit_price: price,
            line_total: order.amount,
        }],
        total: order.amount,
    }
}
