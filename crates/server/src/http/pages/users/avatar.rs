use askama::Template;
use axum::extract::State;
use users::{AvatarError, MAX_AVATAR_BYTES, Users};

use super::field_errors;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::Multipart;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};
use crate::http::uploads::{self, Sent};

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
    let errors = match uploads::sent_file(form, "avatar", MAX_AVATAR_BYTES).await? {
        Sent::Nothing => FieldErrors::of("avatar", "Choose a picture."),
        Sent::TooMuch => field_errors(AvatarError::TooLarge)?,
        Sent::File(picture) => match users.upload_avatar(user.id(), picture.bytes).await {
            Ok(()) => return Ok(Flash::success(RECEIVED).redirect(&app, "/account")),
            Err(refused) => field_errors(refused)?,
        },
    };
    pages::show_again(&AvatarPage { layout, errors })
}
