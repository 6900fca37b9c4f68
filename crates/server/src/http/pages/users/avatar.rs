use askama::Template;
use axum::extract::multipart::MultipartError;
use axum::extract::{Multipart, State};
use http::StatusCode;
use users::Users;

use super::field_errors;
use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::forms::FieldErrors;
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
    form: Multipart,
) -> Result {
    let errors = match picture(form).await? {
        None => FieldErrors::of("avatar", "Choose a picture."),
        Some(picture) => match users.upload_avatar(user.id(), picture).await {
            Ok(()) => return Ok(Flash::success(RECEIVED).redirect(&app, "/account")),
            Err(refused) => field_errors(refused)?,
        },
    };
    pages::show_again(&AvatarPage { layout, errors })
}

/// The content of the field `avatar`, unless it was left empty.
async fn picture(mut form: Multipart) -> Result<Option<bytes::Bytes>> {
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("avatar") {
            let picture = field.bytes().await.map_err(unreadable)?;
            return Ok(Some(picture).filter(|picture| !picture.is_empty()));
        }
    }
    Ok(None)
}

fn unreadable(error: MultipartError) -> AppError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        AppError::TooLarge
    } else {
        AppError::BadRequest("The form cannot be read.".into())
    }
}
