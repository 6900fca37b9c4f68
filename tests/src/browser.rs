//! A browser without a window: pages and forms over HTTP, with the session's cookie.

use reqwest::Response;
use reqwest::header::{COOKIE, SET_COOKIE};

use crate::Shop;
use crate::customer::PASSWORD;

/// A browser in which somebody is signed in, or was.
#[derive(Clone, Debug)]
pub struct Browser {
    cookie: String,
}

impl Browser {
    /// Signs in with the form.
    pub async fn sign_in(shop: &Shop, email: &str) -> Self {
        let form = [("email", email), ("password", PASSWORD), ("next", "")];
        let request = shop.client().post(shop.url("/sign-in"));
        let request = request.header("sec-fetch-site", "same-origin").form(&form);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "{email} cannot sign in");
        let cookies = answer.headers().get_all(SET_COOKIE).iter();
        let mut cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let session = cookies.find(|cookie| cookie.contains("session="));
        Self {
            cookie: session.expect("a session's cookie").to_owned(),
        }
    }

    /// One in which nobody is signed in.
    #[must_use]
    pub fn signed_out() -> Self {
        Self {
            cookie: String::new(),
        }
    }

    /// What it sends along.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Asks for a page; a redirect is not followed.
    pub async fn get(&self, shop: &Shop, path: &str) -> Response {
        self.try_get(shop, path).await.expect("an answer")
    }

    /// As [`Browser::get`], where there may be no answer.
    pub async fn try_get(&self, shop: &Shop, path: &str) -> reqwest::Result<Response> {
        let request = shop.client().get(shop.url(path));
        request.header(COOKIE, &self.cookie).send().await
    }

    /// What a page says.
    pub async fn read(&self, shop: &Shop, path: &str) -> String {
        let page = self.get(shop, path).await.text().await;
        page.expect("a page that is text")
    }
}
