use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kernel::EmailAddress;
use serde::Deserialize;
use users::Users;
use utoipa::ToSchema;

use crate::http::accounts;
use crate::http::api::Problems;
use crate::http::error::{AppError, Result};
use crate::http::extract::Json;
use crate::http::forms::FieldErrors;

/// Who signs up.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignUp)]
pub(super) struct SignUpBody {
    /// Where the person is written to.
    #[schema(example = "ann@example.com")]
    email: String,
    /// How they are addressed.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// At least 15 characters that are not easily guessed.
    #[schema(format = Password, min_length = 15)]
    password: String,
}

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordReset)]
pub(super) struct PasswordResetBody {
    /// The address of the account.
    #[schema(example = "ann@example.com")]
    email: String,
}

/// Signs up
///
/// The answer is the same whether or not the address has an account; what happens next stands in a mail to it.
#[utoipa::path(
    post,
    path = "/users",
    tag = "users",
    request_body = SignUpBody,
    responses((status = 202, description = "A mail is on its way"), Problems),
)]
pub(super) async fn sign_up(State(users): State<Users>, Json(body): Json<SignUpBody>) -> Result {
    accounts::sign_up(&users, &body.email, body.name, body.password.into()).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Asks for a link that sets a new password
///
/// The answer is the same whether or not the address has an account. The link's token is for `POST /password-resets/finish`.
#[utoipa::path(
    post,
    path = "/password-resets",
    tag = "users",
    request_body = PasswordResetBody,
    responses((status = 202, description = "If there is such an account, a mail is on its way"), Problems),
)]
pub(super) async fn request_password_reset(
    State(users): State<Users>,
    Json(body): Json<PasswordResetBody>,
) -> Result {
    let email = EmailAddress::parse(&body.email)
        .map_err(|_| AppError::Invalid(FieldErrors::of("email", accounts::EMAIL)))?;
    users.request_password_reset(&email).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
