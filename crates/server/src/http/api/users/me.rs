use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use kernel::UserId;
use serde::{Deserialize, Serialize};
use users::{Avatar, ChangePassword, Profile, Users};
use utoipa::ToSchema;

use crate::http::accounts;
use crate::http::api::{ApiUser, Problems};
use crate::http::error::Result;
use crate::http::extract::Json;

/// You, as your account page shows you.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
pub(super) struct ProfileBody {
    /// Your id.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    /// Where you are written to.
    #[schema(example = "ann@example.com")]
    email: String,
    /// Whether you have shown that you read that mailbox.
    email_verified: bool,
    /// How you are addressed.
    name: String,
    /// `customer`, `support`, `finance` or `admin`.
    #[schema(example = "customer")]
    role: &'static str,
    /// Your picture.
    avatar: AvatarBody,
    /// When you signed up.
    created_at: DateTime<Utc>,
}

/// A person's picture.
#[derive(Serialize, ToSchema)]
#[schema(as = Avatar)]
#[serde(tag = "status", rename_all = "snake_case")]
pub(super) enum AvatarBody {
    /// None was uploaded.
    None,
    /// Uploaded; its sizes are being made.
    Processing,
    /// Made. The addresses expire after some minutes.
    Ready {
        /// Where it is, 256 pixels square.
        large: String,
        /// Where it is, 64 pixels square.
        small: String,
    },
    /// Refused.
    Rejected {
        /// Why.
        reason: String,
    },
}

impl From<Avatar> for AvatarBody {
    fn from(avatar: Avatar) -> Self {
        match avatar {
            Avatar::None => Self::None,
            Avatar::Processing => Self::Processing,
            Avatar::Ready { large, small } => Self::Ready {
                large: large.into(),
                small: small.into(),
            },
            Avatar::Rejected(reason) => Self::Rejected { reason },
        }
    }
}

impl From<Profile> for ProfileBody {
    fn from(profile: Profile) -> Self {
        Self {
            id: profile.id,
            email: profile.email.to_string(),
            email_verified: profile.email_verified,
            name: profile.name,
            role: profile.role.as_str(),
            avatar: profile.avatar.into(),
            created_at: profile.created_at,
        }
    }
}

/// What to change about you.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangeProfile)]
pub(super) struct ChangeProfileBody {
    /// How you are addressed.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Your password, and the one to have instead.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangePassword)]
pub(super) struct ChangePasswordBody {
    /// The password you have.
    #[schema(format = Password)]
    current_password: String,
    /// At least 15 characters that are not easily guessed.
    #[schema(format = Password, min_length = 15)]
    new_password: String,
}

/// Where you want to be written to.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangeEmail)]
pub(super) struct ChangeEmailBody {
    /// Your password.
    #[schema(format = Password)]
    password: String,
    /// The new address.
    #[schema(example = "ann@example.com")]
    new_email: String,
}

/// Shows who you are
#[utoipa::path(
    get,
    path = "/me",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 200, body = ProfileBody), Problems),
)]
pub(super) async fn show(State(users): State<Users>, user: ApiUser) -> Result {
    answer(&users, user.id()).await
}

/// Changes how you are addressed
#[utoipa::path(
    patch,
    path = "/me",
    tag = "users",
    security(("bearer" = [])),
    request_body = ChangeProfileBody,
    responses((status = 200, body = ProfileBody), Problems),
)]
pub(super) async fn change(
    State(users): State<Users>,
    user: ApiUser,
    Json(body): Json<ChangeProfileBody>,
) -> Result {
    users.change_name(user.id(), &body.name).await?;
    answer(&users, user.id()).await
}

/// Changes your password
///
/// Ends every session and token of yours, the one of this request included: sign in again.
#[utoipa::path(
    post,
    path = "/me/password",
    tag = "users",
    security(("bearer" = [])),
    request_body = ChangePasswordBody,
    responses((status = 204), Problems),
)]
pub(super) async fn change_password(
    State(users): State<Users>,
    user: ApiUser,
    Json(body): Json<ChangePasswordBody>,
) -> Result {
    let change = ChangePassword {
        current: body.current_password.into(),
        new: body.new_password.into(),
    };
    users.change_password(user.id(), change).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Asks to be written to elsewhere
///
/// The change takes effect when the link in the mail to the new address is opened, or its token is sent to
/// `POST /email-changes/finish`.
#[utoipa::path(
    post,
    path = "/me/email",
    tag = "users",
    security(("bearer" = [])),
    request_body = ChangeEmailBody,
    responses((status = 202, description = "A mail is on its way"), Problems),
)]
pub(super) async fn change_email(
    State(users): State<Users>,
    user: ApiUser,
    Json(body): Json<ChangeEmailBody>,
) -> Result {
    let asked = ("new_email", body.new_email.as_str());
    accounts::request_email_change(&users, user.id(), asked, body.password.into()).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Asks for the mail that verifies your address once more
///
/// The link in it carries the token for `POST /email-verifications/finish`.
#[utoipa::path(
    post,
    path = "/me/email/verification",
    tag = "users",
    security(("bearer" = [])),
    responses((status = 202, description = "A mail is on its way"), Problems),
)]
pub(super) async fn request_verification(State(users): State<Users>, user: ApiUser) -> Result {
    users.request_verification(user.id()).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn answer(users: &Users, user_id: UserId) -> Result {
    let profile = users.profile(user_id).await?;
    Ok(Json(ProfileBody::from(profile)).into_response())
}
