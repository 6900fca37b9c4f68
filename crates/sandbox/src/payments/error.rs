//! The provider's error replies: `{"error": {"type", "code", "param", "message"}}`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, json};

/// A refusal in the provider's words.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// The parameter at fault, by its whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) param: Option<String>,
    message: String,
}

impl ApiError {
    /// A request that the provider understands and will not carry out.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// The same, for the reasons that the provider has given a code.
    pub(crate) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code),
            ..Self::refused(message)
        }
    }

    pub(crate) fn missing(param: &str) -> Self {
        Self::invalid(
            "parameter_missing",
            format!("Missing required param: {param}."),
        )
        .about(param)
    }

    pub(crate) fn unknown_parameter(param: &str) -> Self {
        let message = format!("Received unknown parameter: {param}");
        Self::invalid("parameter_unknown", message).about(param)
    }

    pub(crate) fn not_an_integer(param: &str, value: &str) -> Self {
        let message = format!("Invalid integer: {value}");
        Self::invalid("parameter_invalid_integer", message).about(param)
    }

    pub(crate) fn not_a_url(param: &str) -> Self {
        Self::invalid("url_invalid", "Not a valid URL").about(param)
    }

    /// `param` held the id; it is called `id` or `intent` when it stood in the path.
    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        let missing = Self::invalid("resource_missing", format!("No such {what}: '{id}'"));
        Self {
            status: StatusCode::NOT_FOUND,
            ..missing.about(param)
        }
    }

    pub(crate) fn no_such_route(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    pub(crate) fn key_reused(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{key}' if you meant to execute a \
             different request."
        );
        Self::new(StatusCode::BAD_REQUEST, "idempotency_error", message)
    }

    /// What a broken provider says.
    pub(crate) fn broken() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "api_error",
            "An unknown error occurred",
        )
    }

    pub(crate) fn about(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub(crate) fn reply(&self) -> (StatusCode, Value) {
        (self.status, json!({ "error": self }))
    }

    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            param: None,
            message: message.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, body) = self.reply();
        (status, Json(body)).into_response()
    }
}
