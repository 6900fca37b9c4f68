use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Deserialize;
use users::Users;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::api::{ApiUser, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path};
use crate::http::uploads::UploadBody;

/// What you are about to upload.
#[derive(Deserialize, ToSchema)]
#[schema(as = StartAvatarUpload)]
pub(super) struct StartBody {
    /// `image/png`, `image/jpeg` or `image/webp`.
    #[schema(example = "image/png")]
    content_type: String,
}

/// Starts the upload of your picture
///
/// Send the file, 5 MiB at most, to the address in the answer, then finish the upload.
#[utoipa::path(
    post,
    path = "/me/avatar",
    tag = "users",
    security(("bearer" = [])),
    request_body = StartBody,
    responses((status = 201, body = UploadBody), Problems),
)]
pub(super) async fn start(
    State(users): State<Users>,
    user: ApiUser,
    Json(body): Json<StartBody>,
) -> Result {
    let started = users
        .start_avatar_upload(user.id(), &body.content_type)
        .await?;
    let body = UploadBody::new(started.id, started.upload);
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Finishes the upload of your picture
///
/// Its sizes are made after the answer: `GET /me` shows how far that is.
#[utoipa::path(
    post,
    path = "/me/avatar/{id}/finish",
    tag = "users",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The upload's id")),
    responses((status = 202, description = "The picture's sizes are being made"), Problems),
)]
pub(super) async fn finish(
    State(users): State<Users>,
    user: ApiUser,
    Path(id): Path<Uuid>,
) -> Result {
    users.finish_avatar_upload(user.id(), id).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
