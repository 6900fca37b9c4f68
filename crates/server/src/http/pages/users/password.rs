use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use http::HeaderMap;
use kernel::Token;
use platform::Platform;
use secrecy::SecretString;
use serde::Deserialize;
use users::{ChangePassword, Users};

use super::field_errors;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::Form;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};

/// The password that is, and the one that is to be.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PasswordForm {
    current_password: SecretString,
    new_password: SecretString,
}

#[derive(Template)]
#[template(path = "users/password.html")]
struct PasswordPage {
    layout: Layout,
    errors: FieldErrors,
}

/// Asks for both passwords.
pub(super) async fn show(layout: Layout, _: CurrentUser) -> Result {
    pages::show(&PasswordPage {
        layout,
        errors: FieldErrors::new(),
    })
}

/// Changes the password. That ends every session; this browser's goes on under a new token.
pub(super) async fn change(
    State(app): State<App>,
    State(platform): State<Platform>,
    State(users): State<Users>,
    layout: Layout,
    user: CurrentUser,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Result {
    let command = ChangePassword {
        current: form.current_password,
        new: form.new_password,
    };
    let generation = match users.change_password(user.id(), command).await {
        Ok(generation) => generation,
        Err(refused) => {
            return pages::show_again(&PasswordPage {
                layout,
                errors: field_errors(refused)?,
            });
        }
    };
    let cookies = app.site().cookies;
    let token = cookies.session_of(&headers);
    Ok(match rotate(&platform, token, generation).await {
        Some(token) => (
            cookies.session(&token),
            Flash::success("Your password is changed, and other browsers are signed out.")
                .cookie(cookies),
            Redirect::to("/account"),
        )
            .into_response(),
        None => Flash::success("Your password is changed. Please sign in with it.")
            .redirect(&app, "/sign-in"),
    })
}

/// The session's new token. The password has changed by now: that the session could not follow is no failure of that.
async fn rotate(platform: &Platform, token: Option<Token>, generation: i32) -> Option<Token> {
    let rotated = platform.sessions.rotate(&token?, generation).await;
    rotated.unwrap_or_else(|error| {
        tracing::warn!(chain = format!("{error:#}"), "cannot rotate a session");
        None
    })
}
