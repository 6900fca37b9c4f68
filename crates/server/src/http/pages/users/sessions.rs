use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use http::HeaderMap;
use kernel::SessionId;
use platform::Platform;
use users::Users;

use super::user_agent;
use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::{CurrentUser, Flash};

struct Row {
    id: SessionId,
    device: String,
    network: String,
    last_seen_at: DateTime<Utc>,
    is_this: bool,
}

#[derive(Template)]
#[template(path = "users/sessions.html")]
struct SessionsPage {
    layout: Layout,
    sessions: Vec<Row>,
}

/// Where the person is signed in.
pub(super) async fn list(
    State(platform): State<Platform>,
    layout: Layout,
    user: CurrentUser,
) -> Result {
    let mut sessions = platform.sessions.list(user.id()).await?;
    let this = sessions.iter().find(|it| it.id == user.session_id());
    // Those from before the last change of password are void.
    let generation = this.map(|this| this.generation);
    sessions.retain(|session| Some(session.generation) == generation);
    let sessions = sessions
        .into_iter()
        .map(|session| Row {
            id: session.id,
            device: user_agent::in_words(&session.user_agent),
            network: session.network,
            last_seen_at: session.last_seen_at,
            is_this: session.id == user.session_id(),
        })
        .collect();
    pages::show(&SessionsPage { layout, sessions })
}

/// Signs one browser out.
pub(super) async fn end(
    State(app): State<App>,
    State(platform): State<Platform>,
    user: CurrentUser,
    Path(id): Path<SessionId>,
) -> Result {
    if !platform.sessions.end(user.id(), id).await? {
        return Err(AppError::NotFound);
    }
    Ok(Flash::success("That browser is signed out.").redirect(&app, "/account/sessions"))
}

/// Signs everything else out, programs included.
pub(super) async fn end_others(
    State(app): State<App>,
    State(users): State<Users>,
    user: CurrentUser,
    headers: HeaderMap,
) -> Result {
    let generation = users.end_sessions(user.id()).await?;
    let message = "All other browsers and programs are signed out.";
    Ok(go_on(&app, &headers, generation, message, "/account/sessions").await)
}

/// Answers a person who has just ended all their sessions: the one of this browser goes on at `next`, under a new token.
/// What they did is done by now: if the session cannot follow, they sign in again.
pub(super) async fn go_on(
    app: &App,
    headers: &HeaderMap,
    generation: i32,
    message: &'static str,
    next: &str,
) -> Response {
    let cookies = app.site().cookies;
    let rotated = match cookies.session_of(headers) {
        Some(token) => app.platform().sessions.rotate(&token, generation).await,
        None => Ok(None),
    };
    let token = rotated.unwrap_or_else(|error| {
        tracing::warn!(chain = format!("{error:#}"), "cannot rotate a session");
        None
    });
    let message = Flash::success(message);
    match token {
        Some(token) => {
            let (session, message) = (cookies.session(&token), message.cookie(cookies));
            (session, message, Redirect::to(next)).into_response()
        }
        None => message.redirect(app, "/sign-in"),
    }
}
