//! The letters that the module writes, each as text and as HTML.

use anyhow::Context as _;
use askama::Template;
use platform::mail::{Letter, Letterhead};

use crate::order::Order;

#[derive(Template)]
#[template(path = "emails/order_confirmation.txt")]
struct ConfirmationText<'a> {
    letterhead: &'a Letterhead,
    order: &'a Order,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "emails/order_confirmation.html")]
struct ConfirmationHtml<'a> {
    letterhead: &'a Letterhead,
    order: &'a Order,
    link: &'a str,
}

/// Tells a customer that their order has arrived in the shop.
pub(crate) fn order_confirmation(letterhead: &Letterhead, order: &Order) -> anyhow::Result<Letter> {
    let link = letterhead
        .public_url
        .join(&format!("orders/{}", order.number))
        .context("make the order's link")?;
    let link = link.as_str();
    Ok(Letter {
        to: order.email.clone(),
        subject: format!("We have your order {}", order.number),
        text: ConfirmationText {
            letterhead,
            order,
            link,
        }
        .render()
        .context("write letter as text")?,
        html: ConfirmationHtml {
            letterhead,
            order,
            link,
        }
        .render()
        .context("write letter as HTML")?,
        attachments: Vec::new(),
    })
}
