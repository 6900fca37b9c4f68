use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::http::error::{AppError, Description};

/// Why a request was not served (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is, and `code` which one.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind of problem, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What to do, for people.
    detail: String,
    /// A stable name, for programs.
    #[schema(example = "invalid_fields")]
    code: &'static str,
    /// Names this request in the server's log.
    request_id: String,
    /// Names this error in the server's log, where something went wrong on the server's side.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_id: Option<String>,
    /// What is wrong with the fields, where `code` is `invalid_fields`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemField>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// The field's path in the document.
    field: String,
    /// How to put it right.
    message: String,
}

impl Problem {
    pub(crate) fn new(error: &AppError, request_id: &str, error_id: Option<&str>) -> Self {
        let Description {
            status,
            code,
            title,
            detail,
        } = error.describe();
        let errors = match error {
            AppError::Invalid(errors) => errors
                .iter()
                .map(|error| ProblemField {
                    field: error.field.to_string(),
                    message: error.message.to_string(),
                })
                .collect(),
            _ => Vec::new(),
        };
        Self {
            kind: "about:blank",
            title,
            status: status.as_u16(),
            detail: detail.into_owned(),
            code,
            request_id: request_id.to_owned(),
            error_id: error_id.map(str::to_owned),
            errors,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = http::StatusCode::from_u16(self.status)
            .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == http::StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The problems that any operation can answer with, for its description.
#[derive(Debug, IntoResponses)]
pub enum Problems {
    /// The request cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// No access token, or one that is not valid.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Known, and not allowed.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// Not there, or another person's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// Not possible in the present state; `code` says why.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// A token from a mail that was used or is too old.
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(Problem),
    /// More than the operation takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// Not sent as JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
    /// Fields that are not valid.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many attempts: see the header `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyRequests(Problem),
    /// Overloaded: see the header `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json")]
    Overloaded(Problem),
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::forms::FieldErrors;

    async fn shape(error: &AppError, error_id: Option<&str>) -> Value {
        let response = Problem::new(error, "r1", error_id).into_response();
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn invalid_fields_are_named_with_how_to_put_them_right() {
        let error = AppError::Invalid(FieldErrors::of("email", "Enter an address."));
        assert_eq!(
            shape(&error, None).await,
            json!({
                "type": "about:blank", "title": "Please check what you entered", "status": 422,
                "detail": "Some fields are not valid.", "code": "invalid_fields", "request_id": "r1",
                "errors": [{"field": "email", "message": "Enter an address."}],
            })
        );
    }

    #[tokio::test]
    async fn an_unexpected_error_tells_its_id_and_nothing_of_its_cause() {
        let error =
            AppError::Unexpected(anyhow::anyhow!("password=hunter2").context("insert order"));
        let problem = shape(&error, Some("e1")).await;
        assert_eq!(problem["error_id"], "e1");
        assert_eq!(problem["code"], "internal");
        let text = problem.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains("insert"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn who_must_sign_in_is_told_how() {
        let response = Problem::new(&AppError::SignInRequired, "r1", None).into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
