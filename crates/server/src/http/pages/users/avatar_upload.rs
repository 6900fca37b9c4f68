//! What `upload.js` asks for: it sends the picture straight to storage.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use users::{AvatarUpload, Users};
use uuid::Uuid;

use super::avatar::RECEIVED;
use super::field_errors;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::{Json, Path};
use crate::http::session::{CurrentUser, Flash};
use crate::http::uploads::{StartUpload, UploadBody, refuse};

/// Says where to put the picture.
pub(super) async fn start(
    State(users): State<Users>,
    user: CurrentUser,
    Json(start): Json<StartUpload>,
) -> Result {
    let started = users.start_avatar_upload(user.id(), &start.content_type);
    match started.await {
        Ok(AvatarUpload { id, upload }) => Ok(Json(UploadBody::new(id, upload)).into_response()),
        Err(refused) => Ok(refuse(&field_errors(refused)?)),
    }
}

/// Takes note that the picture is there.
pub(super) async fn finish(
    State(app): State<App>,
    State(users): State<Users>,
    user: CurrentUser,
    Path(id): Path<Uuid>,
) -> Result {
    match users.finish_avatar_upload(user.id(), id).await {
        Ok(()) => {
            let received = Flash::success(RECEIVED).cookie(app.site().cookies);
            Ok((received, StatusCode::NO_CONTENT).into_response())
        }
        Err(refused) => Ok(refuse(&field_errors(refused)?)),
    }
}
