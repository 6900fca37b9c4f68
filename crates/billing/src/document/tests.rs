use super::sheet::Mark;
use super::*;
use crate::invoice::sample::{a_line, an_invoice};

fn texts(page: &[Mark]) -> Vec<&str> {
    page.iter()
        .filter_map(|mark| match mark {
            Mark::Text { text, .. } => Some(text.as_str()),
            Mark::Rule { .. } => None,
        })
        .collect()
}

fn occurrences(page: &[Mark], text: &str) -> usize {
    texts(page).iter().filter(|it| **it == text).count()
}

#[test]
fn an_invoice_says_who_what_and_how_much() {
    let sheet = lay_out(&an_invoice(vec![a_line("Copper kettle")]));
    let [page] = sheet.pages() else {
        panic!("one page");
    };
    for text in [
        "Invoice",
        "INV-2026-000042",
        "5 January 2026",
        "M-1001",
        "The Shop Ltd",
        "Zoë Łukasiewicz",
        "ul. Długa 5",
        "zoe@example.com",
        "Copper kettle",
        "2",
        "€21.00",
        "€42.00",
        "Total",
        "Page 1 of 1",
    ] {
        assert!(occurrences(page, text) > 0, "{text} in {:?}", texts(page));
    }
}

#[test]
fn a_credit_note_names_the_invoice_that_it_takes_back() {
    let mut note = an_invoice(vec![a_line("Copper kettle")]);
    note.kind = InvoiceKind::CreditNote;
    note.number = "CN-2026-000001".to_owned();
    note.content.credits = Some("INV-2026-000042".to_owned());
    let sheet = lay_out(&note);
    for text in [
        "Credit note",
        "CN-2026-000001",
        "INV-2026-000042",
        "Total credited",
    ] {
        assert_eq!(occurrences(&sheet.pages()[0], text), 1, "{text}");
    }
}

#[test]
fn many_lines_flow_over_pages_and_each_has_its_head_and_foot() {
    let lines = (1..=100).map(|n| a_line(&format!("Article {n}"))).collect();
    let sheet = lay_out(&an_invoice(lines));
    let pages = sheet.pages();
    assert!(pages.len() > 2);
    for (number, page) in pages.iter().enumerate() {
        let place = format!("Page {} of {}", number + 1, pages.len());
        assert_eq!(occurrences(page, &place), 1);
        assert!(occurrences(page, "Description") <= 1);
        for mark in page {
            let (Mark::Text { y, .. } | Mark::Rule { y }) = mark;
            assert!((0.0..sheet::HEIGHT).contains(y));
        }
    }
    let articles = pages.iter().flat_map(|page| texts(page));
    assert_eq!(
        articles.filter(|text| text.starts_with("Article")).count(),
        100
    );
}

#[test]
fn nothing_is_written_over_the_edge() {
    let long = "Kettle".repeat(60);
    let mut invoice = an_invoice(vec![a_line(&long), a_line("\u{7}a\tb\nc")]);
    invoice.content.customer.name = "Very ".repeat(50);
    for page in lay_out(&invoice).pages() {
        for mark in page {
            if let Mark::Text { x, style, text, .. } = mark {
                assert!(
                    *x >= LEFT && x + style.width(text) <= RIGHT + 0.01,
                    "{text}"
                );
                assert!(!text.contains(char::is_control));
            }
        }
    }
}

#[test]
fn amounts_end_at_the_right_edge() {
    let sheet = lay_out(&an_invoice(vec![a_line("Copper kettle")]));
    let ends = sheet.pages()[0].iter().filter_map(|mark| match mark {
        Mark::Text { x, style, text, .. } if text == "€42.00" => Some(x + style.width(text)),
        _ => None,
    });
    for end in ends {
        assert!((end - RIGHT).abs() < 0.01);
    }
}

#[test]
fn any_text_becomes_a_pdf() {
    let titles = [
        "",
        "مرحبا",
        "日本語",
        "fi ﬀ ligatures",
        "🦀",
        "e\u{301}",
        "\u{0}\u{feff}",
        "a\u{202e}b",
    ];
    let invoice = an_invoice(titles.map(a_line).to_vec());
    let pdf = render(&invoice).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    assert!(pdf.len() < 200_000, "{}", pdf.len());
}

#[test]
fn the_same_invoice_gives_the_same_pdf() {
    let invoice = an_invoice(vec![a_line("Copper kettle")]);
    assert_eq!(render(&invoice).unwrap(), render(&invoice).unwrap());
}
