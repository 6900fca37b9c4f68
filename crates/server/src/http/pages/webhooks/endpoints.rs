use askama::Template;
use axum::extract::State;
use serde::Deserialize;
use webhooks::{Description, Endpoint, EndpointUrl, EventKind, Register, Subscription, Webhooks};

use super::page_of;
use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Form;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};

/// Where the person wants to be told, and of what.
#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a form has a field for each box"
)]
pub(super) struct RegisterForm {
    url: String,
    description: String,
    order_placed: bool,
    order_paid: bool,
    order_shipped: bool,
    order_cancelled: bool,
    order_refunded: bool,
    invoice_issued: bool,
}

impl RegisterForm {
    /// Each box with the name of its field.
    fn boxes(&self) -> [(&'static str, EventKind, bool); 6] {
        [
            ("order_placed", EventKind::OrderPlaced, self.order_placed),
            ("order_paid", EventKind::OrderPaid, self.order_paid),
            ("order_shipped", EventKind::OrderShipped, self.order_shipped),
            (
                "order_cancelled",
                EventKind::OrderCancelled,
                self.order_cancelled,
            ),
            (
                "order_refunded",
                EventKind::OrderRefunded,
                self.order_refunded,
            ),
            (
                "invoice_issued",
                EventKind::InvoiceIssued,
                self.invoice_issued,
            ),
        ]
    }

    fn parse(&self) -> Result<Register> {
        let mut errors = FieldErrors::new();
        let message = "Enter one line of at most 100 characters.";
        let description = Description::parse(&self.description);
        let description = errors.check("description", description, message);
        let ticked = self.boxes().into_iter().filter(|(.., ticked)| *ticked);
        Ok(Register {
            url: self.url.clone(),
            description: description.ok_or(AppError::Invalid(errors))?,
            events: Subscription::to(ticked.map(|(_, kind, _)| kind)),
        })
    }
}

#[derive(Template)]
#[template(path = "webhooks/endpoints.html")]
struct EndpointsPage {
    layout: Layout,
    endpoints: Vec<Endpoint>,
    form: RegisterForm,
    errors: FieldErrors,
}

/// The person's endpoints, and a form for another.
pub(super) async fn list(
    State(webhooks): State<Webhooks>,
    layout: Layout,
    user: CurrentUser,
) -> Result {
    pages::show(&EndpointsPage {
        layout,
        endpoints: webhooks.list(user.id()).await?,
        form: RegisterForm::default(),
        errors: FieldErrors::new(),
    })
}

/// Registers an endpoint.
pub(super) async fn register(
    State(app): State<App>,
    State(webhooks): State<Webhooks>,
    layout: Layout,
    user: CurrentUser,
    Form(form): Form<RegisterForm>,
) -> Result {
    let registered = match form.parse() {
        Ok(command) => webhooks
            .register(user.id(), command)
            .await
            .map_err(AppError::from),
        Err(error) => Err(error),
    };
    let errors = match registered {
        Ok(endpoint) => {
            let message = Flash::success("The endpoint is registered. Its secret is below.");
            return Ok(message.redirect(&app, &page_of(endpoint.id)));
        }
        Err(AppError::Invalid(errors)) => errors,
        Err(AppError::Conflict { detail, .. }) => FieldErrors::of("", detail),
        Err(error) => return Err(error),
    };
    pages::show_again(&EndpointsPage {
        layout,
        endpoints: webhooks.list(user.id()).await?,
        form,
        errors,
    })
}
