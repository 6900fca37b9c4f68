use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use kernel::AttachmentId;
use orders::{Attachment, OrderNumber, Orders, Reader};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::api::{ApiUser, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path};
use crate::http::uploads::UploadBody;

/// What you are about to attach.
#[derive(Deserialize, ToSchema)]
#[schema(as = StartAttachment)]
pub(super) struct StartBody {
    /// What you call the file. Paths and characters that cannot be shown are left out.
    #[schema(example = "dented-parcel.jpg")]
    name: String,
    /// `image/jpeg`, `image/png`, `image/webp` or `application/pdf`.
    #[schema(example = "image/jpeg")]
    content_type: String,
}

/// A file of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = Attachment)]
pub(super) struct AttachmentBody {
    /// Its id.
    id: Uuid,
    /// What its customer calls it.
    #[schema(max_length = 100, example = "dented-parcel.jpg")]
    name: String,
    /// What it is.
    #[schema(example = "image/jpeg")]
    content_type: &'static str,
    /// In bytes.
    size: u64,
    /// When it was attached.
    attached_at: DateTime<Utc>,
}

impl From<Attachment> for AttachmentBody {
    fn from(attachment: Attachment) -> Self {
        Self {
            id: attachment.id.as_uuid(),
            name: attachment.name.to_string(),
            content_type: attachment.media_type.as_str(),
            size: attachment.size,
            attached_at: attachment.attached_at,
        }
    }
}

/// A file of an order, and where to get it.
#[derive(Serialize, ToSchema)]
#[schema(as = AttachmentWithAddress)]
pub(super) struct AddressedBody {
    #[serde(flatten)]
    attachment: AttachmentBody,
    /// Where to `GET` the file, without a token, within five minutes.
    url: String,
}

/// Lists the files of an order
///
/// At most ten, in the order in which they came. Staff see those of every order.
#[utoipa::path(
    get,
    path = "/orders/{number}/attachments",
    tag = "orders",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = Vec<AttachmentBody>), Problems),
)]
pub(super) async fn list(
    State(orders): State<Orders>,
    user: ApiUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let reader = Reader::from(user.actor());
    let attachments = orders.list_attachments(reader, number).await?;
    let body: Vec<_> = attachments.into_iter().map(AttachmentBody::from).collect();
    Ok(Json(body).into_response())
}

/// Starts to attach a file to one of your orders
///
/// Send the file, 10 MiB at most, to the address in the answer, then finish. What is not finished within an hour is
/// deleted.
#[utoipa::path(
    post,
    path = "/orders/{number}/attachments",
    tag = "orders",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    request_body = StartBody,
    responses((status = 201, body = UploadBody), Problems),
)]
pub(super) async fn start(
    State(orders): State<Orders>,
    user: ApiUser,
    Path(number): Path<OrderNumber>,
    Json(body): Json<StartBody>,
) -> Result {
    let started = orders.start_attachment(user.id(), number, &body.name, &body.content_type);
    let started = started.await?;
    let body = UploadBody::new(started.id.as_uuid(), started.upload);
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Attaches the file that you have sent
///
/// It is attached if its first bytes are those of the type that you said, and deleted otherwise.
#[utoipa::path(
    post,
    path = "/orders/{number}/attachments/{id}/finish",
    tag = "orders",
    security(("bearer" = [])),
    params(
        ("number" = i64, Path, description = "The order's number"),
        ("id" = Uuid, Path, description = "The upload's id"),
    ),
    responses((status = 200, body = AttachmentBody), Problems),
)]
pub(super) async fn finish(
    State(orders): State<Orders>,
    user: ApiUser,
    Path((number, id)): Path<(OrderNumber, AttachmentId)>,
) -> Result {
    let attachment = orders.finish_attachment(user.id(), number, id).await?;
    Ok(Json(AttachmentBody::from(attachment)).into_response())
}

/// Says where to get a file of an order
///
/// Staff get those of every order.
#[utoipa::path(
    get,
    path = "/orders/{number}/attachments/{id}",
    tag = "orders",
    security(("bearer" = [])),
    params(
        ("number" = i64, Path, description = "The order's number"),
        ("id" = Uuid, Path, description = "The file's id"),
    ),
    responses((status = 200, body = AddressedBody), Problems),
)]
pub(super) async fn show(
    State(orders): State<Orders>,
    user: ApiUser,
    Path((number, id)): Path<(OrderNumber, AttachmentId)>,
) -> Result {
    let reader = Reader::from(user.actor());
    let (attachment, url) = orders.get_attachment(reader, number, id).await?;
    let body = AddressedBody {
        attachment: attachment.into(),
        url: url.into(),
    };
    Ok(Json(body).into_response())
}

/// Removes a file from one of your orders
#[utoipa::path(
    delete,
    path = "/orders/{number}/attachments/{id}",
    tag = "orders",
    security(("bearer" = [])),
    params(
        ("number" = i64, Path, description = "The order's number"),
        ("id" = Uuid, Path, description = "The file's id"),
    ),
    responses((status = 204, description = "The file is removed"), Problems),
)]
pub(super) async fn remove(
    State(orders): State<Orders>,
    user: ApiUser,
    Path((number, id)): Path<(OrderNumber, AttachmentId)>,
) -> Result {
    orders.detach(user.id(), number, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
