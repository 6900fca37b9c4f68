use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use kernel::{Actor, UserId};

use crate::app::App;
use crate::http::error::AppError;

/// The person on whose behalf a program sends the request, shown by an access token.
#[derive(Clone, Copy, Debug)]
pub struct ApiUser(Actor);

impl ApiUser {
    /// Whose id to scope use cases by.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.0.user_id
    }

    /// Who they are and what they may do.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.0
    }
}

impl FromRequestParts<App> for ApiUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Self::Rejection> {
        let _token = bearer(parts).ok_or(AppError::SignInRequired)?;
        Err(AppError::SignInRequired)
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750; the scheme's letters may be of either case).
fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
