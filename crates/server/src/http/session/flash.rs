use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::cookies::{Cookies, SetCookie, SiteCookie};
use crate::app::App;

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
    use http::header;

    use super::*;

    fn with_cookie(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, value.parse().unwrap())])
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

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_message_that_is_read_travels_on() {
        let cookies = Cookies::new(true);
        fuzzing::bytes("flash_cookie", move |value| {
            let Ok(value) = http::HeaderValue::from_bytes(value) else {
                return;
            };
            let headers = HeaderMap::from_iter([(http::header::COOKIE, value)]);
            let Some(flash) = Flash::of(&headers, cookies) else {
                return;
            };
            let cookie = flash.cookie(cookies).0;
            let pair = cookie.split(';').next().unwrap();
            let again = HeaderMap::from_iter([(http::header::COOKIE, pair.parse().unwrap())]);
            assert_eq!(Flash::of(&again, cookies), Some(flash));
        });
    }
}
