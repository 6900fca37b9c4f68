//! The pages: server-rendered, and complete without JavaScript.
//!
//! One file a page or action, under the name of the module whose use cases it offers; `templates/` mirrors it. A handler
//! translates between HTTP and a use case and decides nothing.

use askama::Template;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse};
use http::StatusCode;
use http::request::Parts;

use crate::app::{App, Site};
use crate::http::context::{self, Context};
use crate::http::error::{AppError, Result};
use crate::http::pages::orders::CurrentCart;
use crate::http::session::{Flash, SignedIn};
use crate::http::{assets, csrf, health, session};

mod billing;
#[expect(
    unreachable_pub,
    clippy::inline_always,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    reason = "`askama::filter_fn` writes the code that these are about, and takes every value by reference"
)]
pub(crate) mod filters;
mod orders;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod users;
mod webhooks;

/// All pages, behind the layers that only they need: programs bring no cookies.
pub(crate) fn routes(app: &App) -> Router<App> {
    Router::new()
        .merge(users::routes())
        .merge(orders::routes(app))
        .merge(billing::routes(app))
        .merge(webhooks::routes())
        .merge(health::routes_for_staff())
        .fallback(async || AppError::NotFound)
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            session::load,
        ))
        // Before the session is looked up: a forged request costs nothing.
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            csrf::guard,
        ))
}

/// The page, with status 200.
pub fn show(page: &impl Template) -> Result {
    Ok(Html(page.render()?).into_response())
}

/// The form again, with its values and a message beside each field, and status 422.
pub fn show_again(page: &impl Template) -> Result {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
}

/// What surrounds every page. As an extractor it counts the cart's items, which takes one query.
pub struct Layout {
    app: App,
    context: Context,
    cart_count: Option<u32>,
    flash: Option<Flash>,
    query: String,
}

impl Layout {
    /// The surroundings of a page that must not fail again: nothing is asked of the database.
    #[must_use]
    pub fn bare(app: &App, context: &Context) -> Self {
        Self {
            app: app.clone(),
            context: context.clone(),
            cart_count: None,
            flash: None,
            query: String::new(),
        }
    }

    /// What the product is called.
    #[must_use]
    pub fn product_name(&self) -> &str {
        &self.site().product_name
    }

    /// Who is signed in.
    #[must_use]
    pub fn user(&self) -> Option<&SignedIn> {
        self.context.signed_in()
    }

    /// How many items the cart holds.
    #[must_use]
    pub fn cart_count(&self) -> Option<u32> {
        self.cart_count.filter(|count| *count > 0)
    }

    /// The message of the page before.
    #[must_use]
    pub fn flash(&self) -> Option<&Flash> {
        self.flash.as_ref()
    }

    /// The address of an asset, with its content's hash in it.
    #[must_use]
    pub fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// What a script element must carry to run.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.context.nonce
    }

    /// A new key for a form that costs money, so that two clicks on its button are one order. Each rendering has its own: a
    /// form that is shown again asks for something else than before.
    #[must_use]
    pub fn form_key(&self) -> String {
        hex::encode(self.app.platform().entropy.bytes::<16>())
    }

    /// What to quote when asking for help.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.context.request_id
    }

    /// What the search field holds.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Whether one is at `path` itself, not beneath it.
    #[must_use]
    pub fn is_exactly(&self, path: &str) -> bool {
        self.context.path == path
    }

    /// ` aria-current="page"` on links to where one is already.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        self.is_exactly(path)
            || self
                .context
                .path
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    fn site(&self) -> &Site {
        self.app.site()
    }
}

impl FromRequestParts<App> for Layout {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let context = context::of(parts)?;
        let flash = Flash::of(&parts.headers, app.site().cookies);
        if flash.is_some() {
            context.spend_flash();
        }
        let cart_count = match CurrentCart::from_request_parts(parts, app).await {
            Ok(CurrentCart(Some(owner))) => Some(app.orders().count_cart(&owner).await?),
            // Nobody knows whose cart it is: the page is worth showing without.
            Ok(CurrentCart(None)) | Err(_) => None,
        };
        // Not fuzzed: `Node::of_query` is; here one parameter is looked for, to be shown again.
        let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .find(|(name, _)| name == "q")
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default();
        Ok(Self {
            cart_count,
            flash,
            query,
            ..Self::bare(app, &context)
        })
    }
}

/// Says what went wrong, and no more than may be known.
#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) layout: Layout,
    pub(crate) status: u16,
    pub(crate) title: &'a str,
    pub(crate) detail: &'a str,
    pub(crate) error_id: Option<&'a str>,
}
