//! What `upload.js` asks for: it sends the file straight to storage.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kernel::AttachmentId;
use orders::{AttachmentUpload, OrderNumber, Orders};

use super::attachments::{field_errors, received};
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::{Json, Path};
use crate::http::session::CurrentUser;
use crate::http::uploads::{StartUpload, UploadBody, refuse};

/// Says where to put the file.
pub(super) async fn start(
    State(orders): State<Orders>,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
    Json(start): Json<StartUpload>,
) -> Result {
    let StartUpload { name, content_type } = start;
    let started = orders.start_attachment(user.id(), number, &name, &content_type);
    match started.await {
        Ok(AttachmentUpload { id, upload }) => {
            Ok(Json(UploadBody::new(id.as_uuid(), upload)).into_response())
        }
        Err(refused) => Ok(refuse(&field_errors(refused)?)),
    }
}

/// Attaches the file that is there.
pub(super) async fn finish(
    State(app): State<App>,
    State(orders): State<Orders>,
    user: CurrentUser,
    Path((number, id)): Path<(OrderNumber, AttachmentId)>,
) -> Result {
    match orders.finish_attachment(user.id(), number, id).await {
        Ok(attached) => {
            let received = received(&attached).cookie(app.site().cookies);
            Ok((received, StatusCode::NO_CONTENT).into_response())
        }
        Err(refused) => Ok(refuse(&field_errors(refused)?)),
    }
}
