//! Pages of the module `users`.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use kernel::Token;

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::forms::FieldErrors;
use crate::http::uploads;

mod account;
mod avatar;
mod avatar_upload;
mod confirm_email;
mod email;
mod forgot_password;
mod password;
mod profile;
mod reset_password;
mod sessions;
mod sign_in;
mod sign_out;
mod sign_up;
#[cfg(test)]
mod tests;
mod user_agent;
mod verify_email;

pub(super) fn routes() -> Router<App> {
    let avatar = get(avatar::show)
        .post(avatar::upload)
        .layer(DefaultBodyLimit::max(uploads::FORM_BODY));
    Router::new()
        .route("/sign-up", get(sign_up::show).post(sign_up::sign_up))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_out::sign_out))
        .route(
            "/verify-email",
            get(verify_email::show).post(verify_email::verify),
        )
        .route(
            "/forgot-password",
            get(forgot_password::show).post(forgot_password::request),
        )
        .route(
            "/reset-password",
            get(reset_password::show).post(reset_password::reset),
        )
        .route(
            "/confirm-email",
            get(confirm_email::show).post(confirm_email::confirm),
        )
        .route("/account", get(account::show))
        .route("/account/verification", post(verify_email::send_again))
        .route("/account/profile", get(profile::show).post(profile::change))
        .route(
            "/account/password",
            get(password::show).post(password::change),
        )
        .route("/account/email", get(email::show).post(email::request))
        .route("/account/avatar", avatar)
        .route("/account/avatar/uploads", post(avatar_upload::start))
        .route(
            "/account/avatar/uploads/{id}/finish",
            post(avatar_upload::finish),
        )
        .route("/account/sessions", get(sessions::list))
        .route("/account/sessions/end-others", post(sessions::end_others))
        .route("/account/sessions/{id}/end", post(sessions::end))
}

/// What to show beside the fields of a form, if the refusal is about them.
fn field_errors(refusal: impl Into<AppError>) -> Result<FieldErrors> {
    match refusal.into() {
        AppError::Invalid(errors) => Ok(errors),
        AppError::CredentialsRefused(message) => Ok(FieldErrors::of("password", message)),
        error => Err(error),
    }
}

/// The token of a link in a letter.
fn link_token(text: &str) -> Result<Token> {
    Token::parse(text).ok_or_else(AppError::invalid_link)
}
