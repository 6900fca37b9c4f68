use askama::Template;
use axum::extract::State;
use chrono::{DateTime, Utc};
use kernel::SessionId;
use platform::Platform;

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

/// Signs every other browser out.
pub(super) async fn end_others(
    State(app): State<App>,
    State(platform): State<Platform>,
    user: CurrentUser,
) -> Result {
    let this = Some(user.session_id());
    platform.sessions.end_all(user.id(), this).await?;
    Ok(Flash::success("All other browsers are signed out.").redirect(&app, "/account/sessions"))
}
