//! The letters that this module writes.

use anyhow::Context as _;
use askama::Template;
use bytes::Bytes;
use platform::mail::{Attachment, Letter, Letterhead};

use crate::invoice::{Invoice, InvoiceKind};

#[derive(Template)]
#[template(path = "emails/invoice.txt", escape = "none")]
struct InvoiceText<'a> {
    letterhead: &'a Letterhead,
    invoice: &'a Invoice,
}

#[derive(Template)]
#[template(path = "emails/invoice.html")]
struct InvoiceHtml<'a> {
    letterhead: &'a Letterhead,
    invoice: &'a Invoice,
}

/// The mail that brings an invoice or credit note.
pub(crate) fn invoice(
    letterhead: &Letterhead,
    invoice: &Invoice,
    document: Bytes,
) -> anyhow::Result<Letter> {
    let title = invoice.kind.title();
    let text = InvoiceText {
        letterhead,
        invoice,
    };
    let html = InvoiceHtml {
        letterhead,
        invoice,
    };
    Ok(Letter {
        to: invoice.content.customer.email.clone(),
        subject: format!(
            "{title} {} for order {}",
            invoice.number, invoice.order_number
        ),
        text: text.render().context("render text")?,
        html: html.render().context("render HTML")?,
        attachments: vec![Attachment {
            name: invoice.file_name(),
            content_type: "application/pdf".to_owned(),
            bytes: document,
        }],
    })
}

impl Invoice {
    /// What the letter says, in one sentence.
    fn news(&self) -> &'static str {
        match self.kind {
            InvoiceKind::Invoice => {
                "Thank you for your order. Your payment has arrived, and the invoice is attached."
            }
            InvoiceKind::CreditNote => {
                "We have refunded your payment. It can take a few days until the money is back. The credit note is attached."
            }
        }
    }

    /// The order's page.
    fn order_url(&self, letterhead: &Letterhead) -> String {
        let base = letterhead.public_url.as_str().trim_end_matches('/');
        format!("{base}/orders/{}", self.order_number)
    }
}

#[cfg(test)]
mod tests {
    use platform::testing::letterhead;

    use super::*;
    use crate::invoice::sample::{a_line, an_invoice};

    #[test]
    fn the_letter_says_what_was_bought_in_both_forms() {
        let letter = invoice(
            &letterhead(),
            &an_invoice(vec![a_line("Copper kettle"), a_line("Teapot")]),
            Bytes::from_static(b"%PDF-"),
        )
        .unwrap();
        assert_eq!(letter.subject, "Invoice INV-2026-000042 for order M-1001");
        for body in [&letter.text, &letter.html] {
            for text in [
                "Zoë Łukasiewicz",
                "Copper kettle",
                "Teapot",
                "€42.00",
                "The Shop",
                "https://shop.example/orders/M-1001",
            ] {
                assert!(body.contains(text), "{text} in {body}");
            }
        }
        assert!(
            letter
                .text
                .contains("2 x Copper kettle: €42.00\n2 x Teapot")
        );
    }

    #[test]
    fn what_people_have_typed_is_text_and_not_html() {
        let mut invoice = an_invoice(vec![a_line("<script>")]);
        invoice.content.customer.name = "<b>Ann</b> & Co".to_owned();
        let letter = super::invoice(&letterhead(), &invoice, Bytes::new()).unwrap();
        assert!(!letter.html.contains("<b>") && !letter.html.contains("<script>"));
        assert!(letter.text.contains("<b>Ann</b> & Co"));
    }

    #[test]
    fn a_credit_note_tells_of_the_refund() {
        let mut invoice = an_invoice(vec![a_line("Copper kettle")]);
        invoice.kind = InvoiceKind::CreditNote;
        let letter = super::invoice(&letterhead(), &invoice, Bytes::new()).unwrap();
        assert!(letter.subject.starts_with("Credit note"));
        assert!(letter.text.contains("refunded your payment"));
    }
}
