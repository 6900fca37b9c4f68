//! Who is signed in: from the session cookie to the person, once a request; and the other cookies of the site.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, IntoResponseParts, Redirect, Response, ResponseParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use kernel::{Actor, SessionId, Token, UserId};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::http::context::{self, Context};
use crate::http::error::AppError;

const MONTH: Duration = Duration::from_hours(30 * 24);

/// A person who is signed in, as every page needs them.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who they are and what they may do.
    pub actor: Actor,
    /// Their session in this browser.
    pub session_id: SessionId,
    /// How they are addressed.
    pub name: String,
    /// Whether they have shown that their e-mail address is theirs.
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
        Some(token) => visitor(&app, token).await,
    };
    let ended = given.is_some() && matches!(visitor, Visitor::Anonymous);
    context.set_visitor(visitor);

    let mut response = next.run(request).await;
    if ended && !sets_cookie(&response, cookies.name(SiteCookie::Session)) {
        cookies
            .remove(SiteCookie::Session)
            .append_to(response.headers_mut());
    }
    // A redirect shows no message, so one that it found is kept for the page that follows.
    if context.flash_is_spent() && !response.status().is_redirection() {
        cookies
            .remove(SiteCookie::Flash)
            .append_to(response.headers_mut());
    }
    response
}

async fn visitor(app: &App, token: &Token) -> Visitor {
    match find(app, token).await {
        Ok(Some(signed_in)) => Visitor::SignedIn(signed_in),
        Ok(None) => Visitor::Anonymous,
        Err(error) => {
            tracing::warn!(chain = format!("{error:#}"), "cannot look up a session");
            Visitor::Unknown
        }
    }
}

async fn find(app: &App, token: &Token) -> anyhow::Result<Option<SignedIn>> {
    let Some(session) = app.platform().sessions.find(token).await? else {
        return Ok(None);
    };
    Ok(Some(SignedIn {
        actor: Actor {
            user_id: session.user_id,
            role: kernel::Role::Customer,
        },
        session_id: session.id,
        name: String::new(),
        email_verified: false,
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

    /// Whether they have shown that their e-mail address is theirs.
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

/// The cookies that the site sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteCookie {
    /// Stands for a signed-in browser.
    Session,
    /// Stands for the cart of a browser that is not signed in.
    Cart,
    /// A message for the next page.
    Flash,
}

/// How cookies are named and guarded.
///
/// Over https each name begins with `__Host-`: browsers then take it from this very host alone, over https alone, so no
/// sibling domain can plant one (RFC 6265bis, section 4.1.3.2). Development without https has to do without.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// Cookies of a site that is reached over https (`secure`) or, in development, over http.
    #[must_use]
    pub const fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// The name that browsers know `cookie` by.
    #[must_use]
    pub const fn name(self, cookie: SiteCookie) -> &'static str {
        match (cookie, self.secure) {
            (SiteCookie::Session, true) => "__Host-session",
            (SiteCookie::Session, false) => "session",
            (SiteCookie::Cart, true) => "__Host-cart",
            (SiteCookie::Cart, false) => "cart",
            (SiteCookie::Flash, true) => "__Host-flash",
            (SiteCookie::Flash, false) => "flash",
        }
    }

    /// A cookie for the signed-in browser that `token` stands for. The server ends the session, not the browser: the cookie
    /// outlives every session that it can stand for.
    #[must_use]
    pub fn session(self, token: &Token) -> SetCookie {
        self.make(SiteCookie::Session, &token.reveal(), Some(MONTH))
    }

    /// A cookie for the cart that `token` stands for.
    #[must_use]
    pub fn cart(self, token: &Token) -> SetCookie {
        self.make(SiteCookie::Cart, &token.reveal(), Some(MONTH))
    }

    /// Takes `cookie` back.
    #[must_use]
    pub fn remove(self, cookie: SiteCookie) -> SetCookie {
        self.make(cookie, "", Some(Duration::ZERO))
    }

    /// What the request's `cookie` holds.
    #[must_use]
    pub fn value(self, headers: &HeaderMap, cookie: SiteCookie) -> Option<&str> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == self.name(cookie)).then_some(value))
    }

    /// The session token of the request. A broken cookie is none.
    #[must_use]
    pub fn session_of(self, headers: &HeaderMap) -> Option<Token> {
        self.value(headers, SiteCookie::Session)
            .and_then(Token::parse)
    }

    /// Values are base64 for URLs, which needs no quoting.
    fn make(self, cookie: SiteCookie, value: &str, max_age: Option<Duration>) -> SetCookie {
        let name = self.name(cookie);
        let secure = if self.secure { "; Secure" } else { "" };
        let max_age = max_age
            .map(|age| format!("; Max-Age={}", age.as_secs()))
            .unwrap_or_default();
        SetCookie(format!(
            "{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{max_age}"
        ))
    }
}

/// One `Set-Cookie` header, as a part of a response: `(cookie, Redirect::to("/"))`.
#[derive(Clone, Debug)]
pub struct SetCookie(String);

impl SetCookie {
    fn append_to(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(&self.0) {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

impl IntoResponseParts for SetCookie {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        self.append_to(parts.headers_mut());
        Ok(parts)
    }
}

/// How a message looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FlashKind {
    /// It worked.
    Success,
    /// It did not.
    Error,
}

/// A message for the next page. It travels in a cookie, so the server keeps nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    kind: FlashKind,
    text: String,
}

impl Flash {
    /// It worked.
    #[must_use]
    pub fn success(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Success,
            text: text.into(),
        }
    }

    /// It did not.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Error,
            text: text.into(),
        }
    }

    /// How the message looks, as a CSS modifier.
    #[must_use]
    pub fn modifier(&self) -> &'static str {
        match self.kind {
            FlashKind::Success => "success",
            FlashKind::Error => "error",
        }
    }

    /// The message.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Goes to `path` and shows the message there.
    #[must_use]
    pub fn redirect(&self, app: &App, path: &str) -> Response {
        (self.cookie(app.site().cookies), Redirect::to(path)).into_response()
    }

    /// The cookie that carries the message, for a response that sets others too.
    #[must_use]
    pub fn cookie(&self, cookies: Cookies) -> SetCookie {
        let json = serde_json::to_vec(self).unwrap_or_default();
        cookies.make(SiteCookie::Flash, &URL_SAFE_NO_PAD.encode(json), None)
    }

    /// The message that the request brings along. A broken cookie is none.
    pub(crate) fn of(headers: &HeaderMap, cookies: Cookies) -> Option<Self> {
        let value = cookies.value(headers, SiteCookie::Flash)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use kernel::Entropy;

    use super::*;

    fn with_cookie(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, value.parse().unwrap())])
    }

    #[test]
    fn cookies_over_https_are_bound_to_this_host() {
        let token = Token::generate(&Entropy::seeded(1));
        let cookie = Cookies::new(true).session(&token).0;
        for part in [
            "__Host-session=",
            "; HttpOnly",
            "; SameSite=Lax",
            "; Secure",
            "; Path=/",
        ] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }

    #[test]
    fn development_without_https_does_without_the_prefix() {
        let token = Token::generate(&Entropy::seeded(1));
        let cookie = Cookies::new(false).session(&token).0;
        assert!(
            cookie.starts_with("session=") && !cookie.contains("Secure"),
            "{cookie}"
        );
    }

    #[test]
    fn a_session_cookie_reads_back_and_a_broken_one_is_none() {
        let cookies = Cookies::new(true);
        let token = Token::generate(&Entropy::seeded(1));
        let headers = with_cookie(&format!("a=b; __Host-session={}", token.reveal()));
        assert_eq!(cookies.session_of(&headers).unwrap().hash(), token.hash());
        assert!(
            cookies
                .session_of(&with_cookie("__Host-session=nonsense"))
                .is_none()
        );
        assert!(
            cookies
                .session_of(&with_cookie("session=whatever"))
                .is_none()
        );
        assert!(cookies.session_of(&HeaderMap::new()).is_none());
    }

    #[test]
    fn a_message_travels_in_its_cookie() {
        let cookies = Cookies::new(false);
        let flash = Flash::success("Gespeichert ✓; \"gut\"");
        let cookie = flash.cookie(cookies);
        let headers = with_cookie(cookie.0.split(';').next().unwrap());
        assert_eq!(Flash::of(&headers, cookies), Some(flash));
        assert_eq!(Flash::of(&with_cookie("flash=%%%"), cookies), None);
    }
}
