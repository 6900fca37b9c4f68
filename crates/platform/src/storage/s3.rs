//! A bucket behind the S3 protocol, called through [`crate::outbound`] like every other partner.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpService,
};
use object_store::signer::{SignedUrlOptions, Signer as _};
use object_store::{BackoffConfig, RetryConfig};
use secrecy::ExposeSecret as _;
use url::Url;

use super::{DEADLINE, MAX_SIZE, ObjectKey, StorageError, StorageSettings};
use crate::outbound::{Dependency, Outbound, OutboundError, Policy, Refusal};

pub(super) fn connect(settings: &StorageSettings, outbound: &Outbound) -> anyhow::Result<AmazonS3> {
    let url = &settings.url;
    let parameter = |name| {
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let bucket = url.host_str().unwrap_or_default();
    ensure!(
        !bucket.is_empty(),
        "the storage URL names no bucket: write s3://bucket?region=…"
    );
    let region = parameter("region").unwrap_or_else(|| "us-east-1".into());
    let endpoint: Url = parameter("endpoint")
        .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"))
        .parse()
        .context("read the endpoint in the storage URL")?;
    // Without them the S3 client would ask the machine it runs on for credentials, over a network of its own.
    let (Some(id), Some(secret)) = (&settings.access_key_id, &settings.secret_access_key) else {
        anyhow::bail!("storage in a bucket needs an access key: its id and its secret");
    };
    let policy = Policy {
        deadline: DEADLINE,
        max_body: MAX_SIZE,
        ..Policy::for_partner(&endpoint)
    };
    let partner = outbound.dependency("storage", policy)?;
    AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_allow_http(endpoint.scheme() == "http")
        .with_endpoint(endpoint.as_str().trim_end_matches('/'))
        .with_access_key_id(id)
        .with_secret_access_key(secret.expose_secret())
        .with_http_connector(ThroughOutbound(partner))
        .with_retry(no_retries())
        .build()
        .context("read the storage settings")
}

pub(super) async fn presign_put(
    s3: &AmazonS3,
    key: &ObjectKey,
    content_type: &HeaderValue,
    expires: Duration,
) -> Result<Url, StorageError> {
    let options = SignedUrlOptions::new().with_signed_header(CONTENT_TYPE, content_type.clone());
    s3.signed_url_opts(Method::PUT, &key.path(), expires, &options)
        .await
        .map_err(StorageError::Failed)
}

pub(super) async fn presign_get(
    s3: &AmazonS3,
    key: &ObjectKey,
    expires: Duration,
    disposition: Option<String>,
) -> Result<Url, StorageError> {
    let query = disposition.map(|value| ("response-content-disposition", value));
    let options = SignedUrlOptions::new().with_query(query);
    s3.signed_url_opts(Method::GET, &key.path(), expires, &options)
        .await
        .map_err(StorageError::Failed)
}

/// Whether a call is made again is for one layer to decide, and that layer is [`crate::outbound`].
fn no_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: DEADLINE,
    }
}

/// Lets `object_store` call with our client in place of one of its own.
#[derive(Clone, Debug)]
struct ThroughOutbound(Dependency);

impl HttpConnector for ThroughOutbound {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for ThroughOutbound {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body: Bytes = body.collect().await?.to_bytes();
        let response = self
            .0
            .send(http::Request::from_parts(head, body))
            .await
            .map_err(|error| HttpError::new(kind(&error), error))?;
        if response.status.is_server_error() {
            return Err(HttpError::new(
                HttpErrorKind::Unknown,
                Broken(response.status),
            ));
        }
        let mut answer = HttpResponse::new(response.body.into());
        *answer.status_mut() = response.status;
        *answer.headers_mut() = response.headers;
        Ok(answer)
    }
}

/// The bucket says that it does not work.
#[derive(Debug, thiserror::Error)]
#[error("the bucket answered {0}")]
struct Broken(StatusCode);

/// Whether the bucket did not answer, or answered that it does not work.
pub(super) fn is_away(error: &object_store::Error) -> bool {
    let mut causes =
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |cause| {
            cause.source()
        });
    causes.any(|cause| {
        let outbound = cause.downcast_ref::<OutboundError>();
        outbound.is_some_and(OutboundError::is_passing) || cause.is::<Broken>()
    })
}

fn kind(error: &OutboundError) -> HttpErrorKind {
    match error {
        OutboundError::Connect(_) => HttpErrorKind::Connect,
        OutboundError::Refused(Refusal::Deadline) => HttpErrorKind::Timeout,
        OutboundError::BrokeOff(_) => HttpErrorKind::Interrupted,
        OutboundError::HostNotAllowed
        | OutboundError::AddressNotPublic
        | OutboundError::Refused(_)
        | OutboundError::BodyTooLong => HttpErrorKind::Unknown,
    }
}
