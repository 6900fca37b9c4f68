use askama::Template;
use axum::extract::State;
use serde::Deserialize;
use users::Users;

use super::field_errors;
use crate::app::App;
use crate::http::error::Result;
use crate::http::extract::Form;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::{CurrentUser, Flash};

/// How the person wants to be addressed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ProfileForm {
    name: String,
}

#[derive(Template)]
#[template(path = "users/profile.html")]
struct ProfilePage {
    layout: Layout,
    form: ProfileForm,
    errors: FieldErrors,
}

/// Shows the name.
pub(super) async fn show(layout: Layout, user: CurrentUser) -> Result {
    let form = ProfileForm {
        name: user.name().to_owned(),
    };
    pages::show(&ProfilePage {
        layout,
        form,
        errors: FieldErrors::new(),
    })
}

/// Changes the name.
pub(super) async fn change(
    State(app): State<App>,
    State(users): State<Users>,
    layout: Layout,
    user: CurrentUser,
    Form(form): Form<ProfileForm>,
) -> Result {
    match users.change_name(user.id(), &form.name).await {
        Ok(()) => Ok(Flash::success("Your name is changed.").redirect(&app, "/account")),
        Err(refused) => pages::show_again(&ProfilePage {
            layout,
            form,
            errors: field_errors(refused)?,
        }),
    }
}
