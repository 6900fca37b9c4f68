//! `/pictures/…`: the products' pictures. Public, and kept by browsers and a CDN for ever: a picture's name changes with
//! its content.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use orders::Orders;

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// An SVG that is opened by itself is a document: it may draw, and nothing else.
const INERT: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

pub(super) fn routes() -> Router<App> {
    Router::new().route("/pictures/{name}", get(show))
}

async fn show(State(orders): State<Orders>, Path(name): Path<String>) -> Result<Response> {
    let picture = orders
        .find_picture(&name)
        .await?
        .ok_or(AppError::NotFound)?;
    let content_type = HeaderValue::try_from(&picture.content_type);
    let content_type = content_type.map_err(|error| AppError::Unexpected(error.into()))?;
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, IMMUTABLE),
        (header::CONTENT_SECURITY_POLICY, INERT),
    ];
    Ok((headers, picture.bytes).into_response())
}
