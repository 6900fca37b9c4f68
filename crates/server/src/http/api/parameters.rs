//! Parameters of the query string that no operation has: a program that sends one expects what will not happen.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::{OpenApi, RefOr};

use crate::http::error::AppError;
use crate::http::forms::FieldErrors;

/// The names of all query parameters by path, as the description of the API has them.
pub(super) struct DescribedParameters(HashMap<String, Vec<String>>);

impl DescribedParameters {
    pub(super) fn of(description: &OpenApi) -> Self {
        let of_path = description.paths.paths.iter().map(|(path, item)| {
            let operations = [&item.get, &item.put, &item.post, &item.delete, &item.patch];
            let parameters = operations
                .into_iter()
                .flatten()
                .filter_map(|operation| operation.parameters.as_ref())
                .flatten();
            let names = parameters.filter_map(|parameter| match parameter {
                RefOr::T(it) if it.parameter_in == ParameterIn::Query => Some(it.name.clone()),
                _ => None,
            });
            (path.clone(), names.collect())
        });
        Self(of_path.collect())
    }

    /// What is wrong with the query string of a request to `path`.
    fn unknown(&self, path: &str, query: &str) -> FieldErrors {
        let known = self.0.get(path).map_or(&[][..], Vec::as_slice);
        let mut errors = FieldErrors::new();
        // Not fuzzed: `Node::of_query` is, which reads it in the same way; here names are only compared.
        for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
            if !known.iter().any(|it| *it == name) {
                errors.add(name.into_owned(), "This operation has no such parameter.");
            }
        }
        errors
    }
}

/// Refuses a request whose query string names something that its path does not know.
pub(super) async fn refuse_unknown(
    State(described): State<Arc<DescribedParameters>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("", MatchedPath::as_str);
    let query = request.uri().query().unwrap_or_default();
    let errors = described.unknown(path, query);
    if errors.is_empty() {
        next.run(request).await
    } else {
        AppError::Invalid(errors).into_response()
    }
}
