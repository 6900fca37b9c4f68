//! Operations of the module `billing`.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

mod invoices;
mod payment;
mod refunds;
#[cfg(test)]
mod tests;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(payment::start, payment::show))
        .routes(routes!(invoices::list))
        .routes(routes!(invoices::document))
        .routes(routes!(refunds::request))
}
