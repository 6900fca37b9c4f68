use askama::Template;
use axum::extract::State;
use billing::{Billing, InvoiceView};
use kernel::{Cursor, Page, PageRequest, PageSize};
use serde::Deserialize;

use crate::http::error::Result;
use crate::http::extract::Query;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::CurrentUser;

#[derive(Template)]
#[template(path = "billing/invoices.html")]
struct InvoicesPage {
    layout: Layout,
    invoices: Page<InvoiceView>,
}

impl InvoicesPage {
    fn next_href(&self) -> Option<String> {
        let next = self.invoices.next.as_ref()?;
        Some(format!("/invoices?after={next}"))
    }
}

/// Where the list goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    after: Option<Cursor>,
}

/// A person's invoices and credit notes, newest first.
pub(super) async fn list(
    State(billing): State<Billing>,
    layout: Layout,
    user: CurrentUser,
    Query(part): Query<Part>,
) -> Result {
    let request = PageRequest {
        after: part.after,
        size: PageSize::default(),
    };
    let invoices = billing.list_invoices(user.id(), request).await?;
    pages::show(&InvoicesPage { layout, invoices })
}
