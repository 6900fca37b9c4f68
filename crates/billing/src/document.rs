//! The PDF of an invoice or credit note: A4, one or more pages, text that can be selected and searched.
//!
//! It is laid out first and drawn afterwards, because the foot of each page says how many there are.

mod drawing;
mod sheet;
mod typeface;

use crate::invoice::{Invoice, InvoiceKind, InvoiceLine};
use sheet::{BOTTOM, Column, LEFT, RIGHT, Sheet};
use typeface::{Ink, Style};

const TITLE: Style = Style::bold(22.0);
const NAME: Style = Style::bold(13.0);
const BODY: Style = Style::regular(9.5);
const STRONG: Style = Style::bold(9.5);
const LABEL: Style = Style::regular(8.0).in_ink(Ink::Muted);
const TOTAL: Style = Style::bold(12.0);

const DESCRIPTION: Column = Column::left(LEFT, 270.0);
const QUANTITY: Column = Column::right(LEFT + 325.0, 45.0);
const UNIT_PRICE: Column = Column::right(LEFT + 405.0, 75.0);
const AMOUNT: Column = Column::right(RIGHT, 75.0);

const SELLER: Column = Column::left(LEFT, 270.0);
const HEADING: Column = Column::right(RIGHT, 200.0);
const FACT_NAME: Column = Column::left(LEFT + 300.0, 70.0);
const FACT: Column = Column::right(RIGHT, 115.0);

/// Makes the document. It takes some milliseconds of a processor, so it runs beside the async threads.
pub(crate) fn render(invoice: &Invoice) -> anyhow::Result<Vec<u8>> {
    drawing::draw(invoice, &lay_out(invoice))
}

fn lay_out(invoice: &Invoice) -> Sheet {
    let mut sheet = Sheet::new();
    head(&mut sheet, invoice);
    customer(&mut sheet, invoice);
    lines(&mut sheet, invoice);
    total(&mut sheet, invoice);
    foot(&mut sheet, invoice);
    sheet
}

/// The seller on the left; what the paper is on the right.
fn head(sheet: &mut Sheet, invoice: &Invoice) {
    let seller = &invoice.content.seller;
    sheet.write_row(&[
        (SELLER, NAME, &seller.name),
        (HEADING, TITLE, invoice.kind.title()),
    ]);
    let top = sheet.y();
    for line in &seller.address {
        sheet.write(SELLER, LABEL, line);
    }
    if let Some(tax_id) = &seller.tax_id {
        sheet.write(SELLER, LABEL, tax_id);
    }
    let left = sheet.y();

    sheet.move_to(top);
    sheet.skip(4.0);
    let date = invoice.issued_at.format("%-d %B %Y").to_string();
    let mut facts = vec![
        ("Number", invoice.number.as_str()),
        ("Date", date.as_str()),
        ("Order", invoice.order_number.as_str()),
    ];
    if let Some(credited) = &invoice.content.credits {
        facts.push(("Credits", credited));
    }
    for (name, fact) in facts {
        sheet.write_row(&[(FACT_NAME, LABEL, name), (FACT, BODY, fact)]);
    }
    sheet.move_to(sheet.y().max(left));
    sheet.skip(30.0);
}

fn customer(sheet: &mut Sheet, invoice: &Invoice) {
    let customer = &invoice.content.customer;
    sheet.write(SELLER, LABEL, "Billed to");
    sheet.write(SELLER, STRONG, &customer.name);
    for line in &customer.address {
        sheet.write(SELLER, BODY, line);
    }
    sheet.write(SELLER, BODY, customer.email.as_str());
    sheet.skip(30.0);
}

fn lines(sheet: &mut Sheet, invoice: &Invoice) {
    table_head(sheet);
    for line in &invoice.content.lines {
        let row = Row::new(line);
        let cells = row.cells();
        if sheet.y() + Sheet::height(&cells) > BOTTOM {
            sheet.turn_page();
            table_head(sheet);
        }
        sheet.write_row(&cells);
        sheet.skip(4.0);
    }
}

fn table_head(sheet: &mut Sheet) {
    sheet.write_row(&[
        (DESCRIPTION, LABEL, "Description"),
        (QUANTITY, LABEL, "Quantity"),
        (UNIT_PRICE, LABEL, "Unit price"),
        (AMOUNT, LABEL, "Amount"),
    ]);
    sheet.skip(2.0);
    sheet.rule();
    sheet.skip(8.0);
}

/// A line of the table, as text.
struct Row<'a> {
    title: &'a str,
    quantity: String,
    unit_price: String,
    amount: String,
}

impl<'a> Row<'a> {
    fn new(line: &'a InvoiceLine) -> Self {
        Self {
            title: &line.title,
            quantity: line.quantity.to_string(),
            unit_price: line.unit_price.to_string(),
            amount: line.line_total.to_string(),
        }
    }

    fn cells(&self) -> [(Column, Style, &str); 4] {
        [
            (DESCRIPTION, BODY, self.title),
            (QUANTITY, BODY, &self.quantity),
            (UNIT_PRICE, BODY, &self.unit_price),
            (AMOUNT, BODY, &self.amount),
        ]
    }
}

fn total(sheet: &mut Sheet, invoice: &Invoice) {
    let (label, note) = match invoice.kind {
        InvoiceKind::Invoice => ("Total", "Paid in full. Nothing is left to pay."),
        InvoiceKind::CreditNote => (
            "Total credited",
            "The amount goes back the way it was paid.",
        ),
    };
    // The sum and its note stay together.
    if sheet.y() + 60.0 > BOTTOM {
        sheet.turn_page();
    }
    sheet.skip(4.0);
    sheet.rule();
    sheet.skip(8.0);
    let amount = invoice.total.to_string();
    sheet.write_row(&[(DESCRIPTION, TOTAL, label), (HEADING, TOTAL, &amount)]);
    sheet.skip(12.0);
    sheet.write(DESCRIPTION, LABEL, note);
}

/// Who, what and which page, on each of them.
fn foot(sheet: &mut Sheet, invoice: &Invoice) {
    let what = format!("{} · {}", invoice.content.seller.name, invoice.number);
    let pages = sheet.pages().len();
    for page in 0..pages {
        let place = format!("Page {} of {pages}", page + 1);
        sheet.write_foot(page, LABEL, &what, &place);
    }
}

#[cfg(test)]
mod tests;
