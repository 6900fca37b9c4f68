use askama::Template;
use axum::extract::State;
use kernel::EmailAddress;
use secrecy::SecretString;
use serde::Deserialize;
use users::Users;

use super::field_errors;
use crate::app::App;
use crate::http::accounts;
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
    let (asked, password) = (("email", form.email.as_str()), form.password.clone());
    match accounts::request_email_change(&users, user.id(), asked, password).await {
        Ok(new_email) => {
            let message = format!("We have sent a link to {new_email}. Follow it to finish.");
            Ok(Flash::success(message).redirect(&app, "/account"))
        }
        Err(refused) => pages::show_again(&EmailPage {
            layout,
            current: user.email().clone(),
            errors: field_errors(refused)?,
            form,
        }),
    }
}
