//! Operations of the module `users`.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

mod accounts;
mod avatar;
mod links;
mod me;
mod sessions;
mod tokens;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tokens::issue))
        .routes(routes!(tokens::refresh))
        .routes(routes!(tokens::revoke))
        .routes(routes!(accounts::sign_up))
        .routes(routes!(accounts::request_password_reset))
        .routes(routes!(links::finish_verification))
        .routes(routes!(links::finish_password_reset))
        .routes(routes!(links::finish_email_change))
        .routes(routes!(me::show, me::change))
        .routes(routes!(me::change_password))
        .routes(routes!(me::change_email))
        .routes(routes!(me::request_verification))
        .routes(routes!(avatar::start))
        .routes(routes!(avatar::finish))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(sessions::end))
}

#[cfg(test)]
mod tests;
