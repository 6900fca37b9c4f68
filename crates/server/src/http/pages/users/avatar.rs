use askama::Template;
use axum::extract::multipart::Field;
use axum::extract::multipart::MultipartError;
use axum::extract::{self, State};
use bytes::Bytes;
use http::StatusCode;
use users::{AvatarError, MAX_AVATAR_BYTES, Users};

use super::field_errors;
use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Multipart;
use crate::http::forms::FieldErrors;
use crate::http::limits;
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};

/// Said when a picture has arrived.
pub(super) const RECEIVED: &str =
    "Thank you for the picture. It takes a moment until it is shown everywhere.";

#[derive(Template)]
#[template(path = "users/avatar.html")]
struct AvatarPage {
    layout: Layout,
    errors: FieldErrors,
}

/// Asks for a picture.
pub(super) async fn show(layout: Layout, _: CurrentUser) -> Result {
    pages::show(&AvatarPage {
        layout,
        errors: FieldErrors::new(),
    })
}

/// Takes a picture from a browser without JavaScript.
pub(super) async fn upload(
    State(app): State<App>,
    State(users): State<Users>,
    layout: Layout,
    user: CurrentUser,
    Multipart(form): Multipart,
) -> Result {
    let sent = tokio::time::timeout(limits::UPLOAD_BODY_DEADLINE, picture(form));
    let errors = match sent.await.map_err(|_| AppError::BodyTimedOut)?? {
        Sent::Nothing => FieldErrors::of("avatar", "Choose a picture."),
        Sent::TooMuch => field_errors(AvatarError::TooLarge)?,
        Sent::Picture(picture) => match users.upload_avatar(user.id(), picture).await {
            Ok(()) => return Ok(Flash::success(RECEIVED).redirect(&app, "/account")),
            Err(refused) => field_errors(refused)?,
        },
    };
    pages::show_again(&AvatarPage { layout, errors })
}

/// What the field `avatar` held.
enum Sent {
    Nothing,
    Picture(Bytes),
    /// More than a picture may have.
    TooMuch,
}

async fn picture(mut form: extract::Multipart) -> Result<Sent> {
    let read = async {
        while let Some(field) = form.next_field().await? {
            if field.name() == Some("avatar") {
                return content(field).await;
            }
        }
        Ok(Sent::Nothing)
    };
    match read.await {
        Ok(sent) => Ok(sent),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Ok(Sent::TooMuch),
        Err(_) => Err(AppError::BadRequest("The form cannot be read.".into())),
    }
}

/// Reads all of the field, and keeps no more than a picture may have.
async fn content(mut field: Field<'_>) -> Result<Sent, MultipartError> {
    let (mut picture, mut size) = (Vec::new(), 0);
    while let Some(chunk) = field.chunk().await? {
        size += chunk.len() as u64;
        if size <= MAX_AVATAR_BYTES {
            picture.extend_from_slice(&chunk);
        }
    }
    Ok(match size {
        0 => Sent::Nothing,
        1..=MAX_AVATAR_BYTES => Sent::Picture(picture.into()),
        _ => Sent::TooMuch,
    })
}
