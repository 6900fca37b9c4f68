//! The layer that turns an error into a page or into problem details.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, Method, header};

use super::{AppError, Description};
use crate::app::App;
use crate::http::api::Problem;
use crate::http::context::Context;
use crate::http::extract::LocalPath;
use crate::http::pages::{self, Layout};

/// The id of a 500, for the canonical log line.
#[derive(Clone, Debug)]
pub(crate) struct ErrorId(pub(crate) String);

/// Gives every [`AppError`] its shape: a page for browsers, problem details (RFC 9457) for programs.
pub(crate) async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Context>().cloned();
    let method = request.method().clone();
    let return_to = request.uri().path_and_query().map(ToString::to_string);
    let mut response = next.run(request).await;
    let (Some(error), Some(context)) =
        (response.extensions_mut().remove::<Arc<AppError>>(), context)
    else {
        return response;
    };

    let error_id = error.report(&app);
    let mut shaped = if context.is_api() {
        Problem::new(&error, &context.request_id, error_id.as_deref()).into_response()
    } else if matches!(*error, AppError::SignInRequired) {
        to_sign_in(&method, return_to.as_deref())
    } else {
        error_page(&app, &context, &error, error_id.as_deref())
    };
    // What inner layers set, such as `Allow` or a cookie, stays.
    for (name, value) in response.headers() {
        if !shaped.headers().contains_key(name) {
            shaped.headers_mut().append(name, value.clone());
        }
    }
    if let Some(seconds) = error.retry_after_secs() {
        shaped
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(error_id) = error_id {
        shaped.extensions_mut().insert(ErrorId(error_id));
    }
    shaped
}

/// Sends to the sign-in form. Only what a GET asked for can be shown afterwards: a POST is not repeated on anybody's behalf.
fn to_sign_in(method: &Method, return_to: Option<&str>) -> Response {
    match return_to {
        Some(path) if method == Method::GET => {
            let next = LocalPath::or_root(path);
            let query = serde_urlencoded::to_string([("next", next.as_str())]).unwrap_or_default();
            Redirect::to(&format!("/sign-in?{query}")).into_response()
        }
        _ => Redirect::to("/sign-in").into_response(),
    }
}

fn error_page(app: &App, context: &Context, error: &AppError, error_id: Option<&str>) -> Response {
    let Description {
        status,
        title,
        detail,
        ..
    } = error.describe();
    let page = pages::ErrorPage {
        layout: Layout::bare(app, context),
        status: status.as_u16(),
        title,
        detail: &detail,
        error_id,
    };
    let mut response = match pages::show(&page) {
        Ok(response) => response,
        // The page that says that something failed has failed itself: plain text cannot.
        Err(_) => title.into_response(),
    };
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
