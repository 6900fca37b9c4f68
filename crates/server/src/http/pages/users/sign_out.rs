use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use platform::Platform;

use crate::app::App;
use crate::http::error::Result;
use crate::http::session::{Flash, MaybeUser, SiteCookie};

/// Ends the session of this browser. Whoever is signed out already gets what they wanted.
pub(super) async fn sign_out(
    State(app): State<App>,
    State(platform): State<Platform>,
    MaybeUser(user): MaybeUser,
) -> Result {
    if let Some(user) = user {
        platform.sessions.end(user.id(), user.session_id()).await?;
    }
    let cookies = app.site().cookies;
    Ok((
        cookies.remove(SiteCookie::Session),
        Flash::success("You are signed out.").cookie(cookies),
        Redirect::to("/"),
    )
        .into_response())
}
