//! Extractors that answer bad input with a clear 4xx, and that refuse fields nobody reads.

use std::fmt::Display;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::error::AppError;
use crate::http::forms::FieldErrors;

/// A submitted HTML form. Fields that `T` does not have are refused, so that nobody sets what they were not asked for.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        require_content_type(request.headers(), "application/x-www-form-urlencoded")?;
        let body = body(request, state).await?;
        decode_form(&body).map(Self)
    }
}

/// The query string of a page. What it does not know it ignores: links carry tracking parameters of others.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        serde_urlencoded::from_str(query)
            .map(Self)
            .map_err(|error| {
                AppError::BadRequest(format!("The address is not valid: {error}.").into())
            })
    }
}

/// A JSON body of the API, in and out. Fields that `T` does not have are refused.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        require_content_type(request.headers(), "application/json")?;
        let body = body(request, state).await?;
        decode_json(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Typed path segments. A segment that cannot be one, such as an id that is no UUID, names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::MissingPathParams(missing)) => {
                Err(AppError::Unexpected(anyhow::Error::new(missing)))
            }
            Err(_) => Err(AppError::NotFound),
        }
    }
}

/// A path of this site, for going back to where somebody came from. Anything that could lead elsewhere is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// The path `text`, or `/` where it is none of this site: `//host`, `/\host` and control characters lead a browser astray.
    #[must_use]
    pub fn or_root(text: &str) -> Self {
        let mut bytes = text.bytes();
        let local = bytes.next() == Some(b'/')
            && !matches!(bytes.next(), Some(b'/' | b'\\'))
            && !text.bytes().any(|byte| byte.is_ascii_control());
        Self(if local { text } else { "/" }.to_owned())
    }

    /// The path, with its query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, AppError> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                AppError::TooLarge
            }
            _ => AppError::BadRequest("The request ended before it was complete.".into()),
        })
}

fn require_content_type(headers: &HeaderMap, expected: &'static str) -> Result<(), AppError> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if given.trim().eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        Err(AppError::UnsupportedMediaType(expected))
    }
}

fn decode_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    let fields = url::form_urlencoded::parse(body);
    let mut unknown = FieldErrors::new();
    let form = serde_ignored::deserialize(serde_urlencoded::Deserializer::new(fields), |path| {
        unknown.add(path.to_string(), "This form has no such field.");
    })
    .map_err(|error| unreadable("form", &error))?;
    if unknown.is_empty() {
        Ok(form)
    } else {
        Err(AppError::BadRequest(
            format!("The form has fields that we do not know ({unknown}).").into(),
        ))
    }
}

fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    let mut errors = FieldErrors::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let decoded = serde_ignored::deserialize(tracked, |path| {
        errors.add(path.to_string(), "This operation has no such field.");
    });
    match decoded {
        Ok(value) => {
            json.end()
                .map_err(|error| unreadable("JSON document", &error))?;
            if errors.is_empty() {
                Ok(value)
            } else {
                Err(AppError::Invalid(errors))
            }
        }
        Err(error) if error.is_data() => {
            let path = track.path().to_string();
            Err(AppError::Invalid(FieldErrors::of(path, sentence(&error))))
        }
        Err(error) => Err(unreadable("JSON document", &error)),
    }
}

fn unreadable(what: &str, error: &impl Display) -> AppError {
    AppError::BadRequest(format!("The {what} cannot be read: {error}.").into())
}

/// The text of a `serde_json` error without its "at line 1 column 7", which tells a program's author nothing.
fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{}.", text.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct SignIn {
        email: String,
        remember: bool,
    }

    #[test]
    fn a_form_is_read_and_what_is_missing_is_empty() {
        let form: SignIn = decode_form(b"email=a%40b.example").unwrap();
        assert_eq!(form.email, "a@b.example");
        assert!(!form.remember);
    }

    #[test]
    fn a_form_with_an_unknown_field_is_refused() {
        let error = decode_form::<SignIn>(b"email=a&role=admin").unwrap_err();
        assert!(
            matches!(&error, AppError::BadRequest(text) if text.contains("role")),
            "{error:?}"
        );
    }

    #[test]
    fn json_with_an_unknown_field_names_it() {
        let error = decode_json::<SignIn>(br#"{"email":"a","role":"admin"}"#).unwrap_err();
        let AppError::Invalid(errors) = error else {
            panic!("{error:?}")
        };
        assert!(errors.get("role").is_some(), "{errors:?}");
    }

    #[test]
    fn json_of_a_wrong_type_names_the_field_and_no_column() {
        let error = decode_json::<SignIn>(br#"{"email":7}"#).unwrap_err();
        let AppError::Invalid(errors) = error else {
            panic!("{error:?}")
        };
        let message = errors.get("email").unwrap();
        assert!(
            message.contains("expected a string") && !message.contains("column"),
            "{message}"
        );
    }

    #[test]
    fn broken_json_and_trailing_bytes_are_unreadable() {
        for body in [&b"{"[..], b"{} {}", b"", b"\xff"] {
            let error = decode_json::<SignIn>(body).unwrap_err();
            assert!(
                matches!(error, AppError::BadRequest(_)),
                "{body:?}: {error:?}"
            );
        }
    }

    #[test]
    fn only_paths_of_this_site_are_gone_back_to() {
        for path in ["/", "/orders?after=x", "/a//b"] {
            assert_eq!(LocalPath::or_root(path).as_str(), path);
        }
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "orders",
        ] {
            assert_eq!(LocalPath::or_root(path).as_str(), "/", "{path:?}");
        }
    }
}
