//! `/files/…`: what a bucket would do for browsers, done for the local folder and for memory.
//!
//! The address itself is the permission: object storage has signed it, for one file, one method and a short time.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, Method, StatusCode, header};
use platform::Platform;
use platform::storage::{InvalidSignedUrl, MAX_SIZE, ObjectKey, SignedRequest, StorageError};

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;

/// Files are other people's bytes. Should a browser be talked into showing one as a page, that page can do nothing.
const INERT: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/files/{*key}", get(read).put(write))
        // The signed address says how much may come.
        .layer(DefaultBodyLimit::disable())
}

async fn read(
    State(platform): State<Platform>,
    Path(key): Path<String>,
    request: Request,
) -> Result {
    let SignedRequest::Get {
        key,
        content_disposition,
    } = verify(&platform, &Method::GET, &key, &request)?
    else {
        return Err(AppError::NotFound);
    };
    let max = u64::try_from(MAX_SIZE).unwrap_or(u64::MAX);
    let stored = platform.storage.get(&key, max).await.map_err(unexpected)?;
    let stored = stored.ok_or(AppError::NotFound)?;

    let mut response = stored.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header_value(&stored.content_type)?);
    headers.insert(header::CONTENT_SECURITY_POLICY, INERT);
    // Whoever has the address may keep the file; a cache between may not.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=3600"),
    );
    if let Some(disposition) = content_disposition {
        headers.insert(header::CONTENT_DISPOSITION, header_value(&disposition)?);
    }
    Ok(response)
}

async fn write(
    State(platform): State<Platform>,
    Path(key): Path<String>,
    request: Request,
) -> Result {
    let SignedRequest::Put {
        key,
        content_type,
        max_bytes,
    } = verify(&platform, &Method::PUT, &key, &request)?
    else {
        return Err(AppError::NotFound);
    };
    if request
        .headers()
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        != Some(content_type.as_bytes())
    {
        return Err(AppError::BadRequest(
            format!("This address takes {content_type}.").into(),
        ));
    }
    store(&platform, &key, &content_type, max_bytes, request).await
}

async fn store(
    platform: &Platform,
    key: &ObjectKey,
    content_type: &str,
    max_bytes: u64,
    request: Request,
) -> Result<Response> {
    let max = usize::try_from(max_bytes).map_or(MAX_SIZE, |max| max.min(MAX_SIZE));
    let bytes = to_bytes(request.into_body(), max)
        .await
        .map_err(|_| AppError::TooLarge)?;
    platform
        .storage
        .put(key, content_type, bytes)
        .await
        .map_err(unexpected)?;
    Ok(StatusCode::CREATED.into_response())
}

fn verify(
    platform: &Platform,
    method: &Method,
    key: &str,
    request: &Request,
) -> Result<SignedRequest> {
    let query = request.uri().query().unwrap_or_default();
    platform
        .storage
        .verify_signed(method, key, query)
        .map_err(|invalid| match invalid {
            InvalidSignedUrl::Forged => AppError::NotFound,
            InvalidSignedUrl::Expired => AppError::Gone(
                "The address of this file has expired. Open its page again for a new one.",
            ),
        })
}

fn unexpected(error: StorageError) -> AppError {
    match error {
        StorageError::Deadline => AppError::Overloaded,
        error => AppError::Unexpected(anyhow::Error::new(error).context("serve a file")),
    }
}

fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text)
        .map_err(|error| AppError::Unexpected(anyhow::Error::new(error).context("describe a file")))
}
