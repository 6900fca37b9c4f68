use askama::Template;
use axum::extract::State;
use serde::Deserialize;
use users::Users;

use super::link_token;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::{Form, Query};
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};

/// What the link in the letter carries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    token: String,
}

#[derive(Template)]
#[template(path = "users/verify_email.html")]
struct VerifyEmailPage {
    layout: Layout,
    token: String,
}

/// Shows a button: programs that look into letters follow links, and must not use them up.
pub(super) async fn show(layout: Layout, Query(Link { token }): Query<Link>) -> Result {
    link_token(&token)?;
    pages::show(&VerifyEmailPage { layout, token })
}

/// Notes that the person reads the mailbox.
pub(super) async fn verify(
    State(app): State<App>,
    State(users): State<Users>,
    Form(Link { token }): Form<Link>,
) -> Result {
    users.verify_email(&link_token(&token)?).await?;
    Ok(Flash::success("Thank you, your e-mail address is confirmed.").redirect(&app, "/account"))
}

/// Sends the letter once more.
pub(super) async fn send_again(
    State(app): State<App>,
    State(users): State<Users>,
    user: CurrentUser,
) -> Result {
    users.request_verification(user.id()).await?;
    let message = format!("We have sent a letter to {}.", user.email());
    Ok(Flash::success(message).redirect(&app, "/account"))
}
