use askama::Template;
use axum::extract::State;
use serde::Deserialize;
use users::Users;

use super::link_token;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::{Form, Query};
use crate::http::pages::{self, Layout};
use crate::http::session::Flash;

/// What the link in the letter carries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    token: String,
}

#[derive(Template)]
#[template(path = "users/confirm_email.html")]
struct ConfirmEmailPage {
    layout: Layout,
    token: String,
}

/// Shows a button: programs that look into letters follow links, and must not use them up.
pub(super) async fn show(layout: Layout, Query(Link { token }): Query<Link>) -> Result {
    link_token(&token)?;
    pages::show(&ConfirmEmailPage { layout, token })
}

/// Moves the account to the mailbox that the letter reached.
pub(super) async fn confirm(
    State(app): State<App>,
    State(users): State<Users>,
    Form(Link { token }): Form<Link>,
) -> Result {
    users.confirm_email_change(&link_token(&token)?).await?;
    Ok(Flash::success("Your e-mail address is changed.").redirect(&app, "/account"))
}
