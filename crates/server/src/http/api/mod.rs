//! The JSON API for programs, under `/api/v1`: the same use cases as the pages, described by its own `OpenAPI` document.
//!
//! A program shows an access token in each request. Cookies are not looked at, so no other site can act through a
//! signed-in browser here.

use std::sync::Arc;

use ::users::Users;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, header};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;
use crate::http::error::AppError;
use crate::http::idempotency;

mod auth;
mod billing;
mod bodies;
mod orders;
mod parameters;
mod problem;
mod users;
mod webhooks;

pub use auth::{ApiStaff, ApiUser};
pub use bodies::{MoneyBody, PageBody, PageQuery};
use parameters::DescribedParameters;
pub use problem::{Problem, ProblemField, Problems};

const ROOT: &str = "/api/v1";
const DESCRIPTION: &str = "/api/v1/openapi.json";
/// Where others look for key sets (RFC 8414 leaves the place open; this one is the custom).
const KEYS: &str = "/.well-known/jwks.json";
const VIEWER: &str = "/api/docs";

/// The viewer brings its own scripts, which know no nonce. They are part of this binary, and nothing else may run.
const VIEWER_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
);

/// All operations, behind no layer.
#[cfg(test)]
pub(super) fn operations() -> Router<App> {
    documented().split_for_parts().0
}

/// All operations, their description and its viewer.
pub(super) fn routes(app: &App) -> Router<App> {
    let (operations, description) = documented().split_for_parts();
    let described = Arc::new(DescribedParameters::of(&description));
    let document = written(&description);
    let viewer = SwaggerUi::new(VIEWER).config(Config::from(DESCRIPTION).use_base_layout());
    operations
        .layer(from_fn_with_state(app.clone(), idempotency::by_header))
        // Outside the keys: a request that is refused as it stands uses none up.
        .layer(from_fn_with_state(described, parameters::refuse_unknown))
        .route(DESCRIPTION, get(async move || document))
        .route(KEYS, get(keys))
        .merge(Router::from(viewer).layer(map_response(with_viewer_policy)))
}

/// Written once, because the tree that the text is written from takes many times its memory.
fn written(description: &OpenApi) -> ([(HeaderName, &'static str); 1], Bytes) {
    let json = serde_json::to_vec(description).expect("a description can be written as JSON");
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, json.into())
}

/// The description that `/api/v1/openapi.json` serves, for the command `openapi`.
#[must_use]
pub fn description() -> OpenApi {
    documented().into_openapi()
}

fn documented() -> OpenApiRouter<App> {
    let operations = OpenApiRouter::default()
        .merge(users::routes())
        .merge(orders::routes())
        .merge(billing::routes())
        .merge(webhooks::routes());
    let mut documented = OpenApiRouter::with_openapi(base()).nest(ROOT, operations);
    for path in documented.get_openapi_mut().paths.paths.values_mut() {
        if let Some(operation) = path
            .post
            .as_mut()
            .filter(|operation| operation.security.is_some())
        {
            operation
                .parameters
                .get_or_insert_default()
                .push(idempotency_key().into());
        }
    }
    documented
}

/// The header that the layer around every operation understands.
fn idempotency_key() -> Parameter {
    let description = "Chosen by you, 1 to 255 characters, for example a UUID. A request that is sent again with the same \
                       key within 72 hours is answered as before, and nothing happens twice.";
    ParameterBuilder::new()
        .name(idempotency::KEY.as_str())
        .parameter_in(ParameterIn::Header)
        .description(Some(description))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

fn base() -> OpenApi {
    let mut info = Info::new("API", "1");
    info.description = Some(
        "Everything that the pages offer, for programs. Show the access token of `POST /auth/token` as \
         `Authorization: Bearer …`; an operation whose security names the role `staff` exists for members of staff alone. \
         Errors are problem details (RFC 9457) with a stable `code`."
            .to_owned(),
    );
    let mut components = Components::new();
    // What `Problems` only refers to, no operation brings along.
    components.schemas.extend([
        (Problem::name().into_owned(), Problem::schema()),
        (ProblemField::name().into_owned(), ProblemField::schema()),
    ]);
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .build(),
        ),
    );
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build()
}

/// The public keys of access tokens (RFC 7517), for services that check them by themselves. Five minutes in a cache are
/// less than a new key stands here before it signs.
async fn keys(State(users): State<Users>) -> impl IntoResponse {
    let cache = [(header::CACHE_CONTROL, "public, max-age=300")];
    (cache, axum::Json(users.public_keys()))
}

async fn with_viewer_policy(mut response: Response) -> Response {
    // The viewer's own answer for a file that it does not have is empty.
    if response.status() == StatusCode::NOT_FOUND {
        return AppError::NotFound.into_response();
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, VIEWER_POLICY);
    response
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
