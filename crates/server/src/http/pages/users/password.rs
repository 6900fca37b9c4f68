use askama::Template;
use axum::extract::State;
use http::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use users::{ChangePassword, Users};

use super::field_errors;
use super::sessions::go_on;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::Form;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::CurrentUser;

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
    let message = "Your password is changed, and other browsers are signed out.";
    Ok(go_on(&app, &headers, generation, message, "/account").await)
}
