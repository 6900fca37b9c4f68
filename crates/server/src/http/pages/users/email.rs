use askama::Template;
use axum::extract::State;
use kernel::EmailAddress;
use secrecy::SecretString;
use serde::Deserialize;
use users::{ChangeEmail, Users};

use super::{EMAIL, field_errors};
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::Form;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};

/// The new address, and proof that it is the person who asks.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EmailForm {
    email: String,
    password: SecretString,
}

#[derive(Template)]
#[template(path = "users/email.html")]
struct EmailPage {
    layout: Layout,
    current: EmailAddress,
    form: EmailForm,
    errors: FieldErrors,
}

/// Asks for the new address.
pub(super) async fn show(layout: Layout, user: CurrentUser) -> Result {
    pages::show(&EmailPage {
        layout,
        current: user.email().clone(),
        form: EmailForm::default(),
        errors: FieldErrors::new(),
    })
}

/// Sends a link to the new address. The account moves once it is followed.
pub(super) async fn request(
    State(app): State<App>,
    State(users): State<Users>,
    layout: Layout,
    user: CurrentUser,
    Form(form): Form<EmailForm>,
) -> Result {
    let errors = match EmailAddress::parse(&form.email) {
        Err(_) => FieldErrors::of("email", EMAIL),
        Ok(new_email) => {
            let message = format!("We have sent a link to {new_email}. Follow it to finish.");
            let command = ChangeEmail {
                password: form.password.clone(),
                new_email,
            };
            match users.request_email_change(user.id(), command).await {
                Ok(()) => return Ok(Flash::success(message).redirect(&app, "/account")),
                Err(refused) => field_errors(refused)?,
            }
        }
    };
    pages::show_again(&EmailPage {
        layout,
        current: user.email().clone(),
        form,
        errors,
    })
}
