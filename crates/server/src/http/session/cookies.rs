use std::convert::Infallible;
use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderValue, header};
use kernel::Token;

const MONTH: Duration = Duration::from_hours(30 * 24);

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
    pub(super) fn make(
        self,
        cookie: SiteCookie,
        value: &str,
        max_age: Option<Duration>,
    ) -> SetCookie {
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
pub struct SetCookie(pub(super) String);

impl SetCookie {
    pub(super) fn append_to(&self, headers: &mut HeaderMap) {
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
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_cookies_value_is_a_part_of_the_header_and_of_no_other_cookie() {
        let cookies = Cookies::new(true);
        fuzzing::bytes("cookies", move |line| {
            let Ok(line) = HeaderValue::from_bytes(line) else {
                return;
            };
            let headers = HeaderMap::from_iter([(header::COOKIE, line)]);
            if let Some(value) = cookies.value(&headers, SiteCookie::Session) {
                assert!(!value.contains(';'));
                let line = headers[header::COOKIE].to_str().unwrap();
                assert!(line.contains(&format!("__Host-session={value}")));
            }
            if let Some(token) = cookies.session_of(&headers) {
                assert_eq!(token.reveal().len(), 43);
            }
        });
    }
}
