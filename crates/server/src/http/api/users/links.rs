//! What a person finishes with the token of a link that they were mailed: it shows who they are, so no sign-in is asked for.

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kernel::Token;
use serde::Deserialize;
use users::Users;
use utoipa::ToSchema;

use crate::http::api::Problems;
use crate::http::error::{AppError, Result};
use crate::http::extract::Json;

/// What the link in a mail carries.
#[derive(Deserialize, ToSchema)]
#[schema(as = MailedToken)]
pub(super) struct MailedTokenBody {
    /// The parameter `token` of the link.
    #[schema(format = Password)]
    token: String,
}

/// What the link in a mail carries, and the password to have from now on.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewPassword)]
pub(super) struct NewPasswordBody {
    /// The parameter `token` of the link.
    #[schema(format = Password)]
    token: String,
    /// At least 15 characters that are not easily guessed.
    #[schema(format = Password, min_length = 15)]
    password: String,
}

/// Shows that a person reads their mailbox
///
/// The link in the mail leads to a page; a program sends the link's token here instead. It works once, for a day.
#[utoipa::path(
    post,
    path = "/email-verifications/finish",
    tag = "users",
    request_body = MailedTokenBody,
    responses((status = 204), Problems),
)]
pub(super) async fn finish_verification(
    State(users): State<Users>,
    Json(body): Json<MailedTokenBody>,
) -> Result {
    users.verify_email(&parse(&body.token)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sets a new password in place of a forgotten one
///
/// The link's token works once, for a quarter of an hour; a password that is refused does not use it up. Ends every session
/// and token of the account.
#[utoipa::path(
    post,
    path = "/password-resets/finish",
    tag = "users",
    request_body = NewPasswordBody,
    responses((status = 204), Problems),
)]
pub(super) async fn finish_password_reset(
    State(users): State<Users>,
    Json(body): Json<NewPasswordBody>,
) -> Result {
    let token = parse(&body.token)?;
    users.reset_password(&token, &body.password.into()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Moves an account to the mailbox that the mail reached
///
/// See `POST /me/email`. The link's token works once, for a quarter of an hour.
#[utoipa::path(
    post,
    path = "/email-changes/finish",
    tag = "users",
    request_body = MailedTokenBody,
    responses((status = 204), Problems),
)]
pub(super) async fn finish_email_change(
    State(users): State<Users>,
    Json(body): Json<MailedTokenBody>,
) -> Result {
    users.confirm_email_change(&parse(&body.token)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What is no token at all is answered as one that is used up: to whoever holds a broken link, both are the same.
// Not fuzzed: `Token::parse` is.
fn parse(token: &str) -> Result<Token> {
    Token::parse(token).ok_or_else(AppError::invalid_link)
}
