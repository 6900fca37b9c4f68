//! What `avatar.js` asks for: it sends the picture straight to storage.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use users::{AvatarError, AvatarUpload, Users};
use uuid::Uuid;

use super::avatar::RECEIVED;
use super::field_errors;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::{Json, Path};
use crate::http::session::{CurrentUser, Flash};

/// What kind of picture it is.
#[derive(Deserialize)]
pub(super) struct Start {
    content_type: String,
}

#[derive(Serialize)]
struct Started {
    id: Uuid,
    url: String,
    headers: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Refused {
    message: String,
}

/// Says where to put the picture.
pub(super) async fn start(
    State(users): State<Users>,
    user: CurrentUser,
    Json(start): Json<Start>,
) -> Result {
    match users
        .start_avatar_upload(user.id(), &start.content_type)
        .await
    {
        Ok(AvatarUpload { id, upload }) => Ok(Json(Started {
            id,
            url: upload.url.into(),
            headers: upload.headers.into_iter().collect(),
        })
        .into_response()),
        Err(refused) => refuse(refused),
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
        Err(refused) => refuse(refused),
    }
}

fn refuse(refused: AvatarError) -> Result {
    let errors = field_errors(refused)?;
    let message = errors.get("avatar").unwrap_or_default().to_owned();
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(Refused { message })).into_response())
}
