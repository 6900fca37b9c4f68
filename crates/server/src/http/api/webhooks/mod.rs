//! Operations of the module `webhooks`.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

mod deliveries;
mod endpoints;
mod secret;
#[cfg(test)]
mod tests;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(endpoints::list, endpoints::register))
        .routes(routes!(endpoints::show, endpoints::remove))
        .routes(routes!(endpoints::disable))
        .routes(routes!(endpoints::enable))
        .routes(routes!(secret::show))
        .routes(routes!(secret::rotate))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::test))
        .routes(routes!(deliveries::redeliver))
}
