use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use kernel::Token;
use orders::CartOwner;

use crate::app::App;
use crate::http::context;
use crate::http::error::AppError;
use crate::http::session::{CartToken, Visitor};

/// Whose cart the request is about: the person's who is signed in, else the browser's, if it has one yet.
#[derive(Clone, Copy, Debug)]
pub(in crate::http::pages) struct CurrentCart(pub(in crate::http::pages) Option<CartOwner>);

impl FromRequestParts<App> for CurrentCart {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        match context::of(parts)?.visitor() {
            Visitor::SignedIn(signed_in) => {
                Ok(Self(Some(CartOwner::User(signed_in.actor.user_id))))
            }
            Visitor::Anonymous => {
                let Ok::<_, Infallible>(CartToken(token)) =
                    CartToken::from_request_parts(parts, app).await;
                let owner = token.as_ref().map(Token::hash).map(CartOwner::Anonymous);
                Ok(Self(owner))
            }
            // A stranger's cart would be lost to the person once their session is known again.
            Visitor::Unknown => Err(AppError::Overloaded),
        }
    }
}
