//! Extractors that answer bad input with a clear 4xx, and that refuse fields nobody reads.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::decode::Node;
use crate::http::error::AppError;
use crate::http::forms::FieldErrors;
use crate::http::limits;

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
        let query = Node::of_query(parts.uri.query().unwrap_or_default());
        T::deserialize(query)
            .map(Self)
            .map_err(|faults| AppError::Invalid(faults.into()))
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

/// The body as it came, whatever it holds.
#[derive(Clone, Debug)]
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        body(request, state).await.map(Self)
    }
}

/// A submitted HTML form with files.
#[derive(Debug)]
pub struct Multipart(pub extract::Multipart);

impl<S: Send + Sync> FromRequest<S> for Multipart {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        require_content_type(request.headers(), "multipart/form-data")?;
        extract::Multipart::from_request(request, state)
            .await
            .map(Self)
            .map_err(|_| {
                AppError::BadRequest("The form does not say what parts its fields.".into())
            })
    }
}

/// Typed path segments. A segment that cannot be one, such as an id that is no UUID, names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match extract::Path::from_request_parts(parts, state).await {
            Ok(extract::Path(value)) => Ok(Self(value)),
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

/// What cannot stand in an address as it is (WHATWG URL, "path percent-encode set"), short of `?` and `%`: the path comes
/// with its query, and is escaped already where its sender took care.
const NOT_IN_ADDRESSES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}');

impl LocalPath {
    /// The longest that is gone back to. No address of this site is nearly as long.
    const MAX_LENGTH: usize = 2_000;

    /// The path `text`, or `/` where it is none of this site: `//host`, `/\host` and control characters lead a browser
    /// astray.
    #[must_use]
    pub fn or_root(text: &str) -> Self {
        let mut bytes = text.bytes();
        let local = bytes.next() == Some(b'/')
            && !matches!(bytes.next(), Some(b'/' | b'\\'))
            && !text.bytes().any(|byte| byte.is_ascii_control());
        let escaped = utf8_percent_encode(text, NOT_IN_ADDRESSES).to_string();
        let usable = local && escaped.len() <= Self::MAX_LENGTH;
        Self(if usable { escaped } else { "/".to_owned() })
    }

    /// The path, with its query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads the body within its own deadline: one that does not arrive is the client's fault, and no handler's.
async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, AppError> {
    let read = Bytes::from_request(request, state);
    let read = tokio::time::timeout(limits::BODY_DEADLINE, read)
        .await
        .map_err(|_| AppError::BodyTimedOut)?;
    read.map_err(|rejection| match rejection {
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
    let form = Node::of_form(body)
        .map_err(|_| AppError::BadRequest("The form is not written in UTF-8.".into()))?;
    // What can be typed into a form, its page checks itself and shows again. What fails here was not sent by the page.
    T::deserialize(form).map_err(|faults| {
        let errors = FieldErrors::from(faults);
        AppError::BadRequest(format!("The form does not come from its page ({errors}).").into())
    })
}

fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    let document = Node::of_json(body).map_err(|error| {
        AppError::BadRequest(format!("The JSON document cannot be read: {error}.").into())
    })?;
    T::deserialize(document).map_err(|faults| AppError::Invalid(faults.into()))
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
    fn json_of_a_wrong_type_names_the_field_and_what_it_must_be() {
        let error = decode_json::<SignIn>(br#"{"email":7}"#).unwrap_err();
        let AppError::Invalid(errors) = error else {
            panic!("{error:?}")
        };
        let message = errors.get("email").unwrap();
        assert_eq!(message, "Must be a string.");
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
    fn a_form_of_bytes_that_are_no_text_is_refused_and_not_repaired() {
        let error = decode_form::<SignIn>(b"email=%ff%fe").unwrap_err();
        assert!(matches!(error, AppError::BadRequest(_)), "{error:?}");
    }

    #[test]
    fn a_path_to_go_back_to_is_written_as_a_header_can_carry_it_and_bounded() {
        for (text, path) in [
            ("/é€", "/%C3%A9%E2%82%AC"),
            ("/a b?q=<x>&r=%20#z", "/a%20b?q=%3Cx%3E&r=%20#z"),
        ] {
            assert_eq!(LocalPath::or_root(text).as_str(), path);
        }
        let longest = format!("/{}", "a".repeat(1_999));
        assert_eq!(LocalPath::or_root(&longest).as_str(), longest);
        assert_eq!(LocalPath::or_root(&format!("{longest}a")).as_str(), "/");
        assert_eq!(
            LocalPath::or_root(&format!("/{}", "é".repeat(400))).as_str(),
            "/"
        );
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

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_content_type_is_the_one_that_is_asked_for() {
        fuzzing::bytes("content_type", |value| {
            let Ok(value) = http::HeaderValue::from_bytes(value) else {
                return;
            };
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.clone())]);
            if require_content_type(&headers, "application/json").is_ok() {
                let text = value.to_str().unwrap().trim().to_ascii_lowercase();
                assert!(text.starts_with("application/json"), "{text}");
            }
        });
    }

    #[test]
    fn whatever_somebody_wants_to_go_back_to_is_of_this_site() {
        let here = url::Url::parse("https://shop.example/sign-in").unwrap();
        fuzzing::text("local_path", move |text| {
            let path = LocalPath::or_root(text);
            assert!(http::HeaderValue::from_str(path.as_str()).is_ok());
            let url = here.join(path.as_str()).unwrap();
            assert_eq!(url.origin(), here.origin(), "{url}");
            assert_eq!(LocalPath::or_root(path.as_str()), path);
        });
    }
}
