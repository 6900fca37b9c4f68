use askama::Template;
use axum::extract::State;
use secrecy::SecretString;
use serde::Deserialize;
use users::Users;

use super::{field_errors, link_token};
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::{Form, Query};
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::Flash;

/// What the link in the letter carries, and the new password.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ResetPasswordForm {
    token: String,
    password: SecretString,
}

#[derive(Template)]
#[template(path = "users/reset_password.html")]
struct ResetPasswordPage {
    layout: Layout,
    token: String,
    errors: FieldErrors,
}

/// Asks for the new password.
pub(super) async fn show(
    layout: Layout,
    Query(ResetPasswordForm { token, .. }): Query<ResetPasswordForm>,
) -> Result {
    link_token(&token)?;
    pages::show(&ResetPasswordPage {
        layout,
        token,
        errors: FieldErrors::new(),
    })
}

/// Sets the new password.
pub(super) async fn reset(
    State(app): State<App>,
    State(users): State<Users>,
    layout: Layout,
    Form(ResetPasswordForm { token, password }): Form<ResetPasswordForm>,
) -> Result {
    match users.reset_password(&link_token(&token)?, &password).await {
        Ok(()) => {
            let done = "Your password is changed. Please sign in with it.";
            Ok(Flash::success(done).redirect(&app, "/sign-in"))
        }
        Err(refused) => pages::show_again(&ResetPasswordPage {
            layout,
            token,
            errors: field_errors(refused)?,
        }),
    }
}
