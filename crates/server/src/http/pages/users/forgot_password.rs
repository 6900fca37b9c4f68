use askama::Template;
use axum::extract::State;
use kernel::EmailAddress;
use serde::Deserialize;
use users::Users;

use crate::app::App;
use crate::http::accounts;
use crate::http::error::Result;
use crate::http::extract::Form;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::Flash;

/// Said whether or not the address has an account.
const LETTER_SENT: &str =
    "If there is an account with this address, we have sent it a link to choose a new password.";

/// Where to send the link.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ForgotPasswordForm {
    email: String,
}

#[derive(Template)]
#[template(path = "users/forgot_password.html")]
struct ForgotPasswordPage {
    layout: Layout,
    form: ForgotPasswordForm,
    errors: FieldErrors,
}

/// Asks for the address.
pub(super) async fn show(layout: Layout) -> Result {
    pages::show(&ForgotPasswordPage {
        layout,
        form: ForgotPasswordForm::default(),
        errors: FieldErrors::new(),
    })
}

/// Sends the link.
pub(super) async fn request(
    State(app): State<App>,
    State(users): State<Users>,
    layout: Layout,
    Form(form): Form<ForgotPasswordForm>,
) -> Result {
    let Ok(email) = EmailAddress::parse(&form.email) else {
        return pages::show_again(&ForgotPasswordPage {
            layout,
            form,
            errors: FieldErrors::of("email", accounts::EMAIL),
        });
    };
    users.request_password_reset(&email).await?;
    Ok(Flash::success(LETTER_SENT).redirect(&app, "/sign-in"))
}
