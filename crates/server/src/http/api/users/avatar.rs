use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use users::{AvatarUpload, Users};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::api::{ApiUser, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path};

/// What you are about to upload.
#[derive(Deserialize, ToSchema)]
#[schema(as = StartAvatarUpload)]
pub(super) struct StartBody {
    /// `image/png`, `image/jpeg` or `image/webp`.
    #[schema(example = "image/png")]
    content_type: String,
}

/// Where to upload a picture to.
#[derive(Serialize, ToSchema)]
#[schema(as = AvatarUpload)]
pub(super) struct UploadBody {
    /// The upload's id, to finish it with.
    id: Uuid,
    /// Where to `PUT` the file to, within some minutes.
    url: String,
    /// Headers to send with it, exactly so.
    headers: BTreeMap<String, String>,
}

impl From<AvatarUpload> for UploadBody {
    fn from(started: AvatarUpload) -> Self {
        Self {
            id: started.id,
            url: started.upload.url.into(),
            headers: started.upload.headers.into_iter().collect(),
        }
    }
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
    Ok((StatusCode::CREATED, Json(UploadBody::from(started))).into_response())
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
