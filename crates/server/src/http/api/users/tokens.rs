use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use kernel::{EmailAddress, Token};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use users::{RefreshError, SignInError, TokenPair, Users};
use utoipa::ToSchema;

use crate::http::api::Problems;
use crate::http::error::Result;
use crate::http::extract::Json;

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[schema(as = Credentials)]
pub(super) struct CredentialsBody {
    /// The person's address.
    #[schema(example = "ann@example.com")]
    email: String,
    /// Their password.
    #[schema(format = Password)]
    password: String,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[schema(as = RefreshToken)]
pub(super) struct RefreshTokenBody {
    /// The token, as it was issued.
    #[schema(format = Password)]
    refresh_token: String,
}

/// What a program that is signed in holds.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPair)]
pub(super) struct TokenPairBody {
    /// To show with each request, as `Authorization: Bearer …`.
    access_token: String,
    /// How to show it: always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// For how many seconds the access token is good.
    #[schema(example = 900)]
    expires_in: i64,
    /// Gets the next pair, once.
    refresh_token: String,
}

impl From<TokenPair> for TokenPairBody {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token.expose_secret().to_owned(),
            token_type: "Bearer",
            expires_in: pair.expires_in.num_seconds(),
            refresh_token: pair.refresh_token.reveal(),
        }
    }
}

/// Signs in
#[utoipa::path(
    post,
    path = "/auth/token",
    tag = "users",
    request_body = CredentialsBody,
    responses((status = 200, body = TokenPairBody), Problems),
)]
pub(super) async fn issue(State(users): State<Users>, Json(body): Json<CredentialsBody>) -> Result {
    let email = EmailAddress::parse(&body.email).map_err(|_| SignInError::WrongCredentials)?;
    let pair = users.issue_tokens(&email, &body.password.into()).await?;
    Ok(answer(pair))
}

/// Exchanges a refresh token for the next pair
///
/// Each refresh token works once. Sending one again ends all refresh tokens that came from the same sign-in, because somebody
/// else may hold them. Access tokens that were issued before go on working until they expire, at most 15 minutes later.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "users",
    request_body = RefreshTokenBody,
    responses((status = 200, body = TokenPairBody), Problems),
)]
pub(super) async fn refresh(
    State(users): State<Users>,
    Json(body): Json<RefreshTokenBody>,
) -> Result {
    let token = Token::parse(&body.refresh_token).ok_or(RefreshError::InvalidToken)?;
    let pair = users.refresh_tokens(&token).await?;
    Ok(answer(pair))
}

/// Signs out
///
/// Ends all refresh tokens that came from the same sign-in; access tokens go on working until they expire, at most 15 minutes
/// later. A token that is not valid any more is no error.
#[utoipa::path(
    post,
    path = "/auth/revoke",
    tag = "users",
    request_body = RefreshTokenBody,
    responses((status = 204), Problems),
)]
pub(super) async fn revoke(
    State(users): State<Users>,
    Json(body): Json<RefreshTokenBody>,
) -> Result {
    if let Some(token) = Token::parse(&body.refresh_token) {
        users.revoke_tokens(&token).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tokens are for whoever asked, and for no cache in between.
fn answer(pair: TokenPair) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (no_store, Json(TokenPairBody::from(pair))).into_response()
}
