//! Operations of the module `orders`.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

mod attachments;
mod cart;
mod fulfilment;
mod order;
#[expect(
    unused_qualifications,
    reason = "`utoipa::path` writes the code that this is about"
)]
mod products;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(products::list))
        .routes(routes!(products::show))
        .routes(routes!(products::categories))
        .routes(routes!(cart::show))
        .routes(routes!(cart::add))
        .routes(routes!(cart::change, cart::remove))
        .routes(routes!(order::list, order::place))
        .routes(routes!(order::show))
        .routes(routes!(order::cancel))
        .routes(routes!(attachments::list, attachments::start))
        .routes(routes!(attachments::show, attachments::remove))
        .routes(routes!(attachments::finish))
        .routes(routes!(fulfilment::ship))
        .routes(routes!(fulfilment::complete))
}

#[cfg(test)]
mod tests;
