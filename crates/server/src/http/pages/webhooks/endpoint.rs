use askama::Template;
use axum::extract::State;
use kernel::{Cursor, EndpointId, Page, PageRequest, PageSize};
use serde::Deserialize;
use webhooks::{Delivery, DeliveryStatus, Endpoint, EndpointStatus, Secret, Webhooks};

use super::page_of;
use crate::http::error::Result;
use crate::http::extract::{Path, Query};
use crate::http::pages::{self, Layout, filters};
use crate::http::session::CurrentUser;

#[derive(Template)]
#[template(path = "webhooks/endpoint.html")]
struct EndpointPage {
    layout: Layout,
    endpoint: Endpoint,
    secret: Secret,
    deliveries: Page<Delivery>,
}

impl EndpointPage {
    fn is_on(&self) -> bool {
        self.endpoint.status == EndpointStatus::Enabled
    }

    /// Whether the person may have a message sent once more.
    fn can_be_repeated(&self, delivery: &Delivery) -> bool {
        self.is_on() && delivery.status != DeliveryStatus::Pending
    }

    fn next_href(&self) -> Option<String> {
        let next = self.deliveries.next.as_ref()?;
        Some(format!("{}?after={next}", page_of(self.endpoint.id)))
    }
}

/// Where the list of deliveries goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    after: Option<Cursor>,
}

/// One endpoint, its secret, and what was sent there.
pub(super) async fn show(
    State(webhooks): State<Webhooks>,
    layout: Layout,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
    Query(part): Query<Part>,
) -> Result {
    let request = PageRequest {
        after: part.after,
        size: PageSize::default(),
    };
    let endpoint = webhooks.get(user.id(), id).await?;
    let deliveries = webhooks.list_deliveries(user.id(), id, &request).await?;
    pages::show(&EndpointPage {
        layout,
        secret: webhooks.secret_of(&endpoint),
        endpoint,
        deliveries,
    })
}
