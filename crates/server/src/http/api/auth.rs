use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use kernel::{Actor, Staff, UserId};

use crate::app::App;
use crate::http::context;
use crate::http::error::AppError;

/// The person on whose behalf a program sends the request, shown by an access token.
#[derive(Clone, Copy, Debug)]
pub struct ApiUser {
    actor: Actor,
    session_generation: i32,
}

impl ApiUser {
    /// Whose id to scope use cases by.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.actor.user_id
    }

    /// Who they are and what they may do.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The generation of sessions and tokens that are still good.
    #[must_use]
    pub fn session_generation(&self) -> i32 {
        self.session_generation
    }
}

impl FromRequestParts<App> for ApiUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let token = bearer(parts).ok_or(AppError::SignInRequired)?;
        let user = app.users().authenticate(token).await?;
        context::of(parts)?.set_user_id(user.id);
        Ok(Self {
            actor: user.actor(),
            session_generation: user.session_generation,
        })
    }
}

/// The member of staff on whose behalf a program sends the request. To everybody else the operation does not exist, whatever
/// else is wrong with their request: so this comes before the body among a handler's arguments.
#[derive(Clone, Copy, Debug)]
pub struct ApiStaff(pub Staff);

impl FromRequestParts<App> for ApiStaff {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let user = ApiUser::from_request_parts(parts, app).await?;
        let staff = user.actor().require_staff();
        staff.map(Self).map_err(|_| AppError::NotFound)
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

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_token_is_the_rest_of_its_header() {
        fuzzing::bytes("authorization", |value| {
            let Ok(value) = http::HeaderValue::from_bytes(value) else {
                return;
            };
            let mut request = http::Request::new(());
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, value.clone());
            let (parts, ()) = request.into_parts();
            if let Some(token) = bearer(&parts) {
                assert!(value.to_str().unwrap().trim_end().ends_with(token));
            }
        });
    }
}
