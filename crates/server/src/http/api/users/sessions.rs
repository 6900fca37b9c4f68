use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use kernel::SessionId;
use platform::Platform;
use platform::sessions::Session;
use serde::Serialize;
use users::Users;
use utoipa::ToSchema;

use crate::http::api::{ApiUser, Problems};
use crate::http::error::{AppError, Result};
use crate::http::extract::{Json, Path};

/// A browser in which you are signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionBody {
    /// The session's id, to end it by.
    #[schema(value_type = uuid::Uuid)]
    id: SessionId,
    /// What the browser says it is.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")]
    user_agent: String,
    /// Where in the network it comes from.
    #[schema(example = "203.0.113.0/24")]
    network: String,
    /// When you signed in.
    created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    last_seen_at: DateTime<Utc>,
}

impl From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            user_agent: session.user_agent,
            network: session.network,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        }
    }
}

/// Lists the browsers in which you are signed in
///
/// The one used last comes first. Programs are not among them.
#[utoipa::path(
    get,
    path = "/me/sessions",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, body = Vec<SessionBody>), Problems),
)]
pub(super) async fn list(State(platform): State<Platform>, user: ApiUser) -> Result {
    let mut sessions = platform.sessions.list(user.id()).await?;
    // Those from before the last change of password are void.
    sessions.retain(|session| session.generation == user.session_generation());
    let sessions: Vec<_> = sessions.into_iter().map(SessionBody::from).collect();
    Ok(Json(sessions).into_response())
}

/// Signs one browser out
#[utoipa::path(
    delete,
    path = "/me/sessions/{id}",
    tag = "users",
    security(("bearer" = [])),
    params(("id" = uuid::Uuid, Path, description = "The session's id")),
    responses((status = 204), Problems),
)]
pub(super) async fn end(
    State(platform): State<Platform>,
    user: ApiUser,
    Path(id): Path<SessionId>,
) -> Result {
    if !platform.sessions.end(user.id(), id).await? {
        return Err(AppError::NotFound);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Signs every browser and program out
///
/// Ends every session and token of yours, the one of this request included: sign in again. A page keeps its own browser
/// signed in when it ends all others; a program has no browser, and all its tokens carry the number that goes up here. To end
/// browsers and no program, end them one by one.
#[utoipa::path(
    delete,
    path = "/me/sessions",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 204), Problems),
)]
pub(super) async fn end_all(State(users): State<Users>, user: ApiUser) -> Result {
    users.end_sessions(user.id()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
