use askama::Template;
use axum::extract::State;
use users::{Avatar, Profile, Users};

use crate::http::error::Result;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::CurrentUser;

#[derive(Template)]
#[template(path = "users/account.html")]
struct AccountPage {
    layout: Layout,
    profile: Profile,
}

impl AccountPage {
    /// What stands in for a picture.
    fn initial(&self) -> String {
        self.profile.name.chars().take(1).collect()
    }
}

/// What we know about the person.
pub(super) async fn show(State(users): State<Users>, layout: Layout, user: CurrentUser) -> Result {
    let profile = users.profile(user.id()).await?;
    pages::show(&AccountPage { layout, profile })
}
