use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{InvoiceId, Money, PageRequest, PageSize, UserId};
use platform::jobs::JobError;
use platform::storage::{Storage, StorageSettings};
use tokio::task::JoinSet;

use super::*;
use crate::{InvoiceDocumentError, InvoiceIssued, InvoiceKind, ListInvoicesError};

async fn issue(world: &World, order: &OpenPayment) -> anyhow::Result<InvoiceId> {
    let mut tx = world.platform.db.begin().await?;
    let id = world
        .issue_invoice_in_tx(&mut tx, testing::the_invoice_of(order))
        .await?;
    tx.commit().await?;
    Ok(id)
}

#[tokio::test]
async fn an_order_is_invoiced_once() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let first = issue(&world, &order).await.unwrap();
    assert_eq!(issue(&world, &order).await.unwrap(), first);
    let issued = InvoiceIssued {
        invoice_id: first,
        kind: InvoiceKind::Invoice,
        number: "INV-2026-000001".to_owned(),
        order_id: order.order_id,
        user_id: order.user_id,
        total: order.amount,
        issued_at: world.platform.clock.now(),
    };
    assert_eq!(world.platform.published::<InvoiceIssued>().await, [issued]);
    let job = RenderInvoice { invoice_id: first };
    assert_eq!(world.platform.jobs_of::<RenderInvoice>().await, [job]);
}

#[tokio::test]
async fn the_document_waits_for_storage() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let invoice_id = issue(&world, &order).await.unwrap();
    let mut platform = (*world.platform).clone();
    let nowhere = StorageSettings {
        url: "s3://files?endpoint=http://127.0.0.1:1".parse().unwrap(),
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("secret".into()),
        public_url: "https://shop.example".parse().unwrap(),
        signing_key: "only tests sign with this secret!".into(),
    };
    let (outbound, clock) = (&platform.outbound, platform.clock.clone());
    platform.storage = Storage::connect(&nowhere, outbound, clock).unwrap();
    let settings = testing::settings(world.provider.url.clone(), provider_stub::API_KEY);
    let billing = Billing::new(&platform, settings).unwrap();

    let job = RenderInvoice { invoice_id };
    let render = async |run, job| billing.clone().render_invoice(run, job).await;
    let result = world.platform.run_job(render, job.clone()).await;
    assert!(matches!(result, Err(JobError::Retry(_))), "{result:?}");
    assert_eq!(world.platform.jobs_of::<SendInvoice>().await, []);

    world.run(Billing::render_invoice, job).await.unwrap();
    assert_eq!(world.platform.stored_files().await.len(), 1);
    assert_eq!(world.platform.jobs_of::<SendInvoice>().await.len(), 1);
}

#[tokio::test]
async fn thirty_invoices_at_once_have_thirty_numbers_without_a_gap() {
    let world = Arc::new(World::start().await);
    let mut orders = Vec::new();
    for _ in 0..30 {
        let order = world.an_order();
        world.open(&order).await;
        orders.push(order);
    }
    let mut tasks = JoinSet::new();
    for (place, order) in orders.into_iter().enumerate() {
        let world = Arc::clone(&world);
        tasks.spawn(async move {
            if place % 5 == 0 {
                // A transaction that is rolled back takes its number back with it.
                let mut undone = world.platform.db.begin().await.unwrap();
                let invoice = testing::the_invoice_of(&order);
                world
                    .issue_invoice_in_tx(&mut undone, invoice)
                    .await
                    .unwrap();
                undone.rollback().await.unwrap();
            }
            issue(&world, &order).await.unwrap();
        });
    }
    tasks.join_all().await;
    let issued = world.platform.published::<InvoiceIssued>().await;
    let numbers: BTreeSet<_> = issued.into_iter().map(|it| it.number).collect();
    let expected = (1..=30).map(|sequence| format!("INV-2026-{sequence:06}"));
    assert_eq!(numbers, expected.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_announced_often_at_once_is_invoiced_once() {
    let world = Arc::new(World::start().await);
    let order = world.a_paid_order().await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (world, order) = (Arc::clone(&world), order.clone());
        tasks.spawn(async move { issue(&world, &order).await.unwrap() });
    }
    let ids: BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(world.platform.published::<InvoiceIssued>().await.len(), 1);
}

#[tokio::test]
async fn a_new_year_begins_a_new_series() {
    let world = World::start().await;
    issue(&world, &world.a_paid_order().await).await.unwrap();
    world.platform.clock.advance(TimeDelta::days(365));
    let order = world.an_order();
    world.open(&order).await;
    issue(&world, &order).await.unwrap();
    let issued = world.platform.published::<InvoiceIssued>().await;
    assert_eq!(issued[1].number, "INV-2027-000001");
}

#[tokio::test]
async fn an_invoice_is_about_what_was_paid() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let mut tx = world.platform.db.begin().await.unwrap();
    let mut wrong = testing::the_invoice_of(&order);
    wrong.total = Money::new(1, order.amount.currency());
    assert!(world.issue_invoice_in_tx(&mut tx, wrong).await.is_err());
    let other = testing::the_invoice_of(&world.an_order());
    assert!(world.issue_invoice_in_tx(&mut tx, other).await.is_err());
}

#[tokio::test]
async fn the_document_is_made_stored_and_mailed() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let invoice_id = issue(&world, &order).await.unwrap();
    let result = world.invoice_document_url(order.user_id, invoice_id).await;
    assert!(matches!(result, Err(InvoiceDocumentError::NotReady)));

    world
        .run(Billing::render_invoice, RenderInvoice { invoice_id })
        .await
        .unwrap();
    let files = world.platform.stored_files().await;
    let names: Vec<_> = files.iter().map(ToString::to_string).collect();
    assert_eq!(names, [format!("invoices/{invoice_id}.pdf")]);
    let send = SendInvoice { invoice_id };
    assert_eq!(
        world.platform.jobs_of::<SendInvoice>().await,
        std::slice::from_ref(&send)
    );

    world
        .run(Billing::send_invoice, send.clone())
        .await
        .unwrap();
    world.run(Billing::send_invoice, send).await.unwrap();
    let [letter] = &world.platform.sent_mail()[..] else {
        panic!("one letter");
    };
    assert_eq!(letter.to.as_str(), "ann@example.com");
    assert!(
        letter.subject.starts_with("Invoice INV-2026-000001"),
        "{}",
        letter.subject
    );
    let [attachment] = &letter.attachments[..] else {
        panic!("one attachment");
    };
    assert_eq!(attachment.name, "INV-2026-000001.pdf");
    let stored = world
        .platform
        .storage
        .get(&files[0], 1 << 20)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(attachment.bytes, stored.bytes);
    assert!(stored.bytes.starts_with(b"%PDF-"));

    let url = world
        .invoice_document_url(order.user_id, invoice_id)
        .await
        .unwrap();
    assert!(url.path().ends_with(&names[0]), "{url}");
}

#[tokio::test]
async fn anothers_invoice_is_not_found() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let id = issue(&world, &order).await.unwrap();
    let stranger = UserId::generate(&world.platform.clock, &world.platform.entropy);
    let result = world.invoice_document_url(stranger, id).await;
    assert!(matches!(result, Err(InvoiceDocumentError::NotFound)));
    assert!(
        world
            .invoices_of_order(stranger, order.order_id)
            .await
            .unwrap()
            .is_empty()
    );
    let page = world
        .list_invoices(stranger, PageRequest::default())
        .await
        .unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn a_persons_invoices_are_listed_newest_first_page_by_page() {
    let world = World::start().await;
    let person = world.an_order().user_id;
    for _ in 0..5 {
        let order = OpenPayment {
            user_id: person,
            ..world.an_order()
        };
        world.open(&order).await;
        issue(&world, &order).await.unwrap();
        world.platform.clock.advance(TimeDelta::seconds(1));
    }
    let mut request = PageRequest {
        after: None,
        size: PageSize::clamped(2),
    };
    let mut numbers = Vec::new();
    loop {
        let page = world.list_invoices(person, request.clone()).await.unwrap();
        numbers.extend(page.items.into_iter().map(|it| it.number));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (1..=5).rev().map(|n| format!("INV-2026-{n:06}")).collect();
    assert_eq!(numbers, expected);

    request.after = Some(kernel::Cursor::encode(&"elsewhere"));
    let result = world.list_invoices(person, request).await;
    assert!(matches!(result, Err(ListInvoicesError::InvalidCursor(_))));
}
