//! The composition root: every part of the house, put together once. `main` and the tests share it.

use std::sync::Arc;

use axum::extract::FromRef;
use ipnet::IpNet;
use kernel::Currency;
use platform::Platform;
use url::Url;

use crate::http::health::Readiness;
use crate::http::session::Cookies;

/// The whole application; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    site: Site,
    platform: Platform,
    readiness: Readiness,
}

/// What the outermost layer of the house is told: names, addresses, and whom to believe.
#[derive(Clone, Debug)]
pub struct Site {
    /// What the product is called.
    pub product_name: String,
    /// Where people reach it. Links in pages and mails are made from this alone, never from a request's `Host`.
    pub public_url: Url,
    /// The release that is running, for logs and error reports.
    pub release: String,
    /// What the shop sells in.
    pub currency: Currency,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where object storage is, if browsers load from it directly.
    pub storage_origin: Option<String>,
    /// Where the payment provider's page is.
    pub payment_origin: String,
    /// How cookies are named and guarded.
    pub cookies: Cookies,
}

impl Site {
    /// Whether people reach the site over https, as they always do in production.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            product_name: "Shop".to_owned(),
            public_url: "https://shop.example".parse().unwrap(),
            release: "test".to_owned(),
            currency: Currency::Eur,
            trusted_proxies: Vec::new(),
            storage_origin: None,
            payment_origin: "https://pay.example".to_owned(),
            cookies: Cookies::new(true),
        }
    }
}

impl App {
    /// Names, addresses, and whom to believe.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// The outside world.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// Whether this process may be sent requests.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }
}

/// Lets a handler ask for the one part that it needs: `State<Orders>`.
macro_rules! parts {
    ($($part:ident: $type:ty),*) => {$(
        impl FromRef<App> for $type {
            fn from_ref(app: &App) -> Self {
                app.0.$part.clone()
            }
        }
    )*};
}

parts!(platform: Platform);
