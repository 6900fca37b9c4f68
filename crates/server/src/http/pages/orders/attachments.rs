use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use billing::Billing;
use kernel::AttachmentId;
use orders::{AttachError, DetachError, MAX_ATTACHMENT_BYTES, OrderNumber, Orders, Reader};

use super::order::OrderPage;
use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::{Multipart, Path};
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};
use crate::http::uploads::{self, Sent};

/// Takes a file from a browser without JavaScript.
pub(super) async fn attach(
    State(app): State<App>,
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    layout: Layout,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
    Multipart(form): Multipart,
) -> Result {
    let errors = match uploads::sent_file(form, "file", MAX_ATTACHMENT_BYTES).await? {
        Sent::Nothing => FieldErrors::of("file", "Choose a file."),
        Sent::TooMuch => field_errors(AttachError::TooLarge)?,
        Sent::File(file) => {
            let attached = orders.attach(user.id(), number, &file.name, file.bytes);
            match attached.await {
                Ok(attached) => return Ok(received(&attached).redirect(&app, &page_of(number))),
                Err(refused) => field_errors(refused)?,
            }
        }
    };
    let page = OrderPage::load((&orders, &billing), layout, user.id(), number, errors);
    pages::show_again(&page.await?)
}

/// Sends to where the file can be saved from. The address is made when it is needed, so that none in a page grows old.
pub(super) async fn save(
    State(orders): State<Orders>,
    user: CurrentUser,
    Path((number, id)): Path<(OrderNumber, AttachmentId)>,
) -> Result {
    let reader = Reader::from(user.actor());
    let (_, url) = orders.get_attachment(reader, number, id).await?;
    Ok(Redirect::to(url.as_str()).into_response())
}

/// Removes a file.
pub(super) async fn remove(
    State(app): State<App>,
    State(orders): State<Orders>,
    user: CurrentUser,
    Path((number, id)): Path<(OrderNumber, AttachmentId)>,
) -> Result {
    match orders.detach(user.id(), number, id).await {
        Ok(()) => Ok(Flash::success("The file is removed.").redirect(&app, &page_of(number))),
        // It was removed in another window: the order shows as much. An order of somebody else's is not found there.
        Err(DetachError::NotFound) => Ok(Redirect::to(&page_of(number)).into_response()),
        Err(error) => Err(error.into()),
    }
}

/// Said when a file has arrived.
pub(super) fn received(attached: &orders::Attachment) -> Flash {
    Flash::success(format!("{} is attached.", attached.name))
}

/// What to show beside the field. A refusal that is not about the file stands above it.
pub(super) fn field_errors(refusal: AttachError) -> Result<FieldErrors> {
    match refusal.into() {
        AppError::Invalid(errors) => Ok(errors),
        AppError::Conflict { detail, .. } => Ok(FieldErrors::of("", detail)),
        error => Err(error),
    }
}

fn page_of(number: OrderNumber) -> String {
    format!("/orders/{number}")
}
