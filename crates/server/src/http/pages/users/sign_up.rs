use askama::Template;
use axum::extract::State;
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
use crate::http::session::Flash;

/// Said whether or not the address had an account already.
const LETTER_SENT: &str =
    "We have sent you a letter. Follow its link to confirm your address, then sign in.";

/// What an account begins with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignUpForm {
    name: String,
    email: String,
    password: SecretString,
}

#[derive(Template)]
#[template(path = "users/sign_up.html")]
struct SignUpPage {
    layout: Layout,
    form: SignUpForm,
    errors: FieldErrors,
}

/// Asks for name, address and password.
pub(super) async fn show(layout: Layout) -> Result {
    pages::show(&SignUpPage {
        layout,
        form: SignUpForm::default(),
        errors: FieldErrors::new(),
    })
}

/// Opens an account.
pub(super) async fn sign_up(
    State(app): State<App>,
    State(users): State<Users>,
    layout: Layout,
    Form(form): Form<SignUpForm>,
) -> Result {
    let (name, password) = (form.name.clone(), form.password.clone());
    match accounts::sign_up(&users, &form.email, name, password).await {
        Ok(()) => Ok(Flash::success(LETTER_SENT).redirect(&app, "/sign-in")),
        Err(refused) => pages::show_again(&SignUpPage {
            layout,
            form,
            errors: field_errors(refused)?,
        }),
    }
}
