//! Who is signed in: from the session cookie to the person, once a request; and the other cookies of the site.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header;
use http::request::Parts;
use kernel::{Actor, EmailAddress, SessionId, Staff, Token, UserId};
use platform::db::is_overload;

use crate::app::App;
use crate::http::context::{self, Context};
use crate::http::error::AppError;

mod cookies;
mod flash;

pub use cookies::{Cookies, SetCookie, SiteCookie};
pub use flash::Flash;

/// A person who is signed in, as every page needs them.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who they are and what they may do.
    pub actor: Actor,
    /// Their session in this browser.
    pub session_id: SessionId,
    /// How they are addressed.
    pub name: String,
    /// Where they are written to.
    pub email: EmailAddress,
    /// Whether they have shown that they read that mailbox.
    pub email_verified: bool,
}

/// What is known about the sender of a request to a page.
#[derive(Clone, Debug, Default)]
pub enum Visitor {
    /// No session, or one that has ended.
    #[default]
    Anonymous,
    /// Signed in.
    SignedIn(SignedIn),
    /// There is a session cookie and nobody could be asked about it: public pages are served as to a stranger, private
    /// ones answer 503. Sending the person to sign in again would lose what they were doing to a passing fault.
    Unknown,
}

/// Looks up the session once, before the handler, so that page and layout agree on who is there.
pub(crate) async fn load(State(app): State<App>, request: Request, next: Next) -> Response {
    let cookies = app.site().cookies;
    let Some(context) = request.extensions().get::<Context>().cloned() else {
        return next.run(request).await;
    };
    let given = cookies.session_of(request.headers());
    let visitor = match &given {
        None => Visitor::Anonymous,
        Some(token) => match visitor(&app, token).await {
            Ok(visitor) => visitor,
            Err(overloaded) => return overloaded.into_response(),
        },
    };
    let ended = given.is_some() && matches!(visitor, Visitor::Anonymous);
    context.set_visitor(visitor);

    let mut response = next.run(request).await;
    if ended && !sets_cookie(&response, cookies.name(SiteCookie::Session)) {
        cookies
            .remove(SiteCookie::Session)
            .append_to(response.headers_mut());
    }
    // A redirect shows no message, so one that was found is kept for the page that follows. An error has no shape yet: it may
    // become a redirect to the sign-in form further out.
    let is_page = !response.status().is_redirection()
        && response.extensions().get::<Arc<AppError>>().is_none();
    if context.flash_is_spent() && is_page {
        cookies
            .remove(SiteCookie::Flash)
            .append_to(response.headers_mut());
    }
    response
}

/// Who shows the session's token. Where the database has no connection to spare, the request has waited for one as long as
/// anybody is to wait (B3), and the page would wait as long again.
async fn visitor(app: &App, token: &Token) -> Result<Visitor, AppError> {
    match find(app, token).await {
        Ok(Some(signed_in)) => Ok(Visitor::SignedIn(signed_in)),
        Ok(None) => Ok(Visitor::Anonymous),
        Err(error) if is_overload(&error) => Err(AppError::Overloaded),
        Err(error) => {
            tracing::warn!(chain = format!("{error:#}"), "cannot look up a session");
            Ok(Visitor::Unknown)
        }
    }
}

/// The session and the person. A session of an older generation than its person's is over, whatever Redis says.
async fn find(app: &App, token: &Token) -> anyhow::Result<Option<SignedIn>> {
    let sessions = &app.platform().sessions;
    let Some(session) = sessions.find(token).await? else {
        return Ok(None);
    };
    let (user_id, generation) = (session.user_id, session.generation);
    let user = app.users().find_for_session(user_id, generation).await?;
    if user.is_none() {
        sessions.end(user_id, session.id).await?;
    }
    Ok(user.map(|user| SignedIn {
        actor: user.actor(),
        session_id: session.id,
        name: user.name,
        email: user.email,
        email_verified: user.email_verified,
    }))
}

fn sets_cookie(response: &Response, name: &str) -> bool {
    response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .any(|cookie| cookie.as_bytes().starts_with(name.as_bytes()))
}

/// The person who sends the request. A page that asks for it sends everybody else to sign in first.
#[derive(Clone, Debug)]
pub struct CurrentUser(SignedIn);

impl CurrentUser {
    /// Whose id to scope use cases by.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.0.actor.user_id
    }

    /// Their session in this browser.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.0.session_id
    }

    /// Who they are and what they may do.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.0.actor
    }

    /// How they are addressed.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where they are written to.
    #[must_use]
    pub fn email(&self) -> &EmailAddress {
        &self.0.email
    }

    /// Whether they have shown that they read that mailbox.
    #[must_use]
    pub fn email_verified(&self) -> bool {
        self.0.email_verified
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        match context::of(parts)?.visitor() {
            Visitor::SignedIn(signed_in) => Ok(Self(signed_in.clone())),
            Visitor::Anonymous => Err(AppError::SignInRequired),
            Visitor::Unknown => Err(AppError::Overloaded),
        }
    }
}

/// The member of staff who sends the request. To everybody else the page does not exist.
#[derive(Clone, Copy, Debug)]
pub struct CurrentStaff(pub Staff);

impl<S: Sync> FromRequestParts<S> for CurrentStaff {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let user = CurrentUser::from_request_parts(parts, state).await;
        let user = user.map_err(|error| match error {
            AppError::SignInRequired => AppError::NotFound,
            error => error,
        })?;
        let staff = user.actor().require_staff();
        staff.map(Self).map_err(|_| AppError::NotFound)
    }
}

/// The person who sends the request, if somebody is signed in.
#[derive(Clone, Debug)]
pub struct MaybeUser(pub Option<CurrentUser>);

impl MaybeUser {
    /// Their id, if somebody is signed in.
    #[must_use]
    pub fn id(&self) -> Option<UserId> {
        self.0.as_ref().map(CurrentUser::id)
    }
}

impl<S: Sync> FromRequestParts<S> for MaybeUser {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let signed_in = context::of(parts)?.signed_in().cloned();
        Ok(Self(signed_in.map(CurrentUser)))
    }
}

/// The cart of a browser that is not signed in: whoever holds the token holds the cart.
#[derive(Clone, Debug)]
pub struct CartToken(pub Option<Token>);

impl<S: Sync> FromRequestParts<S> for CartToken
where
    App: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let cookies = App::from_ref(state).site().cookies;
        let value = cookies.value(&parts.headers, SiteCookie::Cart);
        Ok(Self(value.and_then(Token::parse)))
    }
}
