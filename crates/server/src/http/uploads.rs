//! Files on their way in. A script or a program puts one straight to storage; a form without JavaScript sends it here.

use std::collections::BTreeMap;

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use platform::storage::PresignedUpload;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::error::{AppError, Result};
use crate::http::extract::Json;
use crate::http::forms::FieldErrors;
use crate::http::limits;

/// What `upload.js` is about to upload.
#[derive(Debug, Deserialize)]
pub(crate) struct StartUpload {
    /// What its owner calls the file. The script of the release before does not say it.
    #[serde(default)]
    pub(crate) name: String,
    /// What the browser takes it for.
    pub(crate) content_type: String,
}

/// Where to upload a file to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadBody {
    /// The upload's id, to finish it with.
    id: Uuid,
    /// Where to `PUT` the file to, within some minutes.
    url: String,
    /// Headers to send with it, exactly so.
    headers: BTreeMap<String, String>,
}

impl UploadBody {
    pub(crate) fn new(id: Uuid, upload: PresignedUpload) -> Self {
        Self {
            id,
            url: upload.url.into(),
            headers: upload.headers.into_iter().collect(),
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    message: &'a str,
}

/// Tells `upload.js` what to show beside the field.
pub(crate) fn refuse(errors: &FieldErrors) -> Response {
    let message = errors.iter().next().map_or("", |error| &error.message);
    let refused = Json(Refused { message });
    (StatusCode::UNPROCESSABLE_ENTITY, refused).into_response()
}

/// What is read of a form with a file: far more than a file may have. A browser shows an answer only once it has sent
/// everything, so a file that is too large is taken in, though not kept, to say so.
pub(crate) const FORM_BODY: usize = 32 * 1024 * 1024;

/// What a form without JavaScript has sent in the field for a file.
pub(crate) enum Sent {
    Nothing,
    File(SentFile),
    /// More than such a file may have.
    TooMuch,
}

/// A file that a form has sent.
pub(crate) struct SentFile {
    /// What its sender calls it: any text at all.
    pub(crate) name: String,
    /// The file; never empty.
    pub(crate) bytes: Bytes,
}

/// The file in the field `name` of the form, of which no more than `most` bytes are kept.
pub(crate) async fn sent_file(mut form: Multipart, name: &str, most: u64) -> Result<Sent> {
    let read = async {
        while let Some(field) = form.next_field().await? {
            if field.name() == Some(name) {
                return content(field, most).await;
            }
        }
        Ok(Sent::Nothing)
    };
    let read = tokio::time::timeout(limits::UPLOAD_BODY_DEADLINE, read);
    match read.await.map_err(|_| AppError::BodyTimedOut)? {
        Ok(sent) => Ok(sent),
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Ok(Sent::TooMuch),
        Err(_) => Err(AppError::BadRequest("The form cannot be read.".into())),
    }
}

async fn content(mut field: Field<'_>, most: u64) -> Result<Sent, MultipartError> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let (mut bytes, mut size) = (Vec::new(), 0);
    while let Some(chunk) = field.chunk().await? {
        size += chunk.len() as u64;
        if size <= most {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(if size == 0 {
        Sent::Nothing
    } else if size <= most {
        let bytes = bytes.into();
        Sent::File(SentFile { name, bytes })
    } else {
        Sent::TooMuch
    })
}

#[cfg(test)]
mod fuzz {
    use axum::body::Body;
    use axum::extract::FromRequest as _;
    use http::header;

    use super::*;

    /// Reads a body whose first line is the boundary of its parts.
    fn read(body: &[u8]) -> Option<Sent> {
        let boundary = body
            .split(|byte| *byte == b'\r')
            .next()?
            .strip_prefix(b"--")?;
        let boundary = [b"multipart/form-data; boundary=", boundary].concat();
        let boundary = http::HeaderValue::from_bytes(&boundary).ok()?;
        let mut request = http::Request::new(Body::from(body.to_vec()));
        request.headers_mut().insert(header::CONTENT_TYPE, boundary);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let form = Multipart::from_request(request, &()).await.ok()?;
            sent_file(form, "file", 10).await.ok()
        })
    }

    #[test]
    fn a_file_has_something_and_no_more_than_it_may_have() {
        fuzzing::slow_bytes("multipart", |body| {
            if let Some(Sent::File(file)) = read(body) {
                assert!((1..=10).contains(&file.bytes.len()));
            }
        });
    }

    #[test]
    fn the_corpus_holds_a_form_with_a_file() {
        let Some(Sent::File(file)) = read(include_bytes!("../../corpus/multipart/a_file")) else {
            panic!("no file was found")
        };
        assert_eq!(
            (file.name.as_str(), &file.bytes[..]),
            ("a.txt", &b"hello"[..])
        );
    }
}
