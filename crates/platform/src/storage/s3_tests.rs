//! Against `s3s-fs`, an S3 server in this process that checks signatures as strictly as Amazon's.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use kernel::Entropy;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::tests::{behaves_like_storage, key};
use super::*;
use crate::outbound::{Dependency, Policy, Request, Response, user_agent};

const MINUTE: Duration = Duration::from_mins(1);

struct Bucket {
    storage: Storage,
    /// A browser: an HTTP client without credentials.
    browser: Dependency,
    _folder: TempDir,
}

impl Bucket {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shop")).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("an-id", "a-secret"));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    let connection = server.serve_connection(TokioIo::new(stream), service);
                    connection.await.unwrap();
                });
            }
        });
        Self {
            storage: connect(&endpoint, "a-secret"),
            browser: Outbound::new(Entropy::seeded(1), user_agent("shop", "1"))
                .dependency("browser", Policy::for_partner(&endpoint.parse().unwrap()))
                .unwrap(),
            _folder: folder,
        }
    }

    async fn send(&self, method: Method, url: &Url, content_type: &str) -> Response {
        let request: Request = http::Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("content-type", content_type)
            .body(Bytes::from_static(b"a picture"))
            .unwrap();
        self.browser.send(request).await.unwrap()
    }
}

fn connect(endpoint: &str, secret: &str) -> Storage {
    let settings = StorageSettings {
        url: format!("s3://shop?region=eu-central-1&endpoint={endpoint}")
            .parse()
            .unwrap(),
        access_key_id: Some("an-id".into()),
        secret_access_key: Some(secret.into()),
        public_url: "https://shop.example".parse().unwrap(),
        signing_key: "0123456789abcdef0123456789abcdef".into(),
    };
    Storage::connect(
        &settings,
        &Outbound::new(Entropy::seeded(1), user_agent("shop", "1")),
        Clock::system(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_bucket_behaves_like_storage() {
    let bucket = Bucket::start().await;
    behaves_like_storage(&bucket.storage).await;
}

#[tokio::test]
async fn a_browser_uploads_to_the_bucket_and_reads_back() {
    let bucket = Bucket::start().await;
    let key = key("avatars/a.png");
    let upload = bucket
        .storage
        .presign_put(&key, "image/png", 1_000, MINUTE)
        .await
        .unwrap();
    assert_eq!(
        upload.headers,
        [("content-type".into(), "image/png".into())]
    );
    let response = bucket.send(Method::PUT, &upload.url, "image/png").await;
    assert!(response.status.is_success(), "{response:?}");
    let found = bucket.storage.get(&key, 1_000).await.unwrap().unwrap();
    assert_eq!(found.bytes, "a picture");
    assert_eq!(found.content_type, "image/png");

    let url = bucket
        .storage
        .presign_get(&key, MINUTE, Some("me.png"))
        .await
        .unwrap();
    let response = bucket.send(Method::GET, &url, "").await;
    assert_eq!(response.body, "a picture");
    assert_eq!(
        response.headers["content-disposition"],
        "attachment; filename=\"me.png\""
    );
}

#[tokio::test]
async fn a_bucket_s_address_permits_what_it_was_signed_for_and_nothing_else() {
    let bucket = Bucket::start().await;
    let upload = bucket
        .storage
        .presign_put(&key("avatars/a.png"), "image/png", 1_000, MINUTE)
        .await
        .unwrap();
    let other_key = upload.url.as_str().replace("a.png", "b.png");
    let longer = upload
        .url
        .as_str()
        .replace("X-Amz-Expires=60", "X-Amz-Expires=61");
    for (method, url, content_type) in [
        (Method::PUT, upload.url.as_str(), "text/html"),
        (Method::GET, upload.url.as_str(), "image/png"),
        (Method::PUT, &other_key, "image/png"),
        (Method::PUT, &longer, "image/png"),
    ] {
        let url = url.parse().unwrap();
        let response = bucket.send(method, &url, content_type).await;
        assert_eq!(response.status, http::StatusCode::FORBIDDEN, "{url}");
    }
    assert!(bucket.storage.list("").await.unwrap().is_empty());

    // The application's own route is not a way around the bucket.
    let permitted =
        bucket
            .storage
            .verify_signed(&Method::PUT, "avatars/a.png", upload.url.query().unwrap());
    assert_eq!(permitted, Err(InvalidSignedUrl::Forged));
}

#[tokio::test]
async fn a_wrong_secret_and_a_bucket_that_is_away_are_failures_and_not_empty_storage() {
    let bucket = Bucket::start().await;
    let url = bucket
        .storage
        .presign_get(&key("a"), MINUTE, None)
        .await
        .unwrap();
    let endpoint = url.origin().ascii_serialization();
    let broken = always("HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n").await;
    for (storage, is_away) in [
        (connect(&endpoint, "a-guess"), false),
        (connect("http://127.0.0.1:1", "a-secret"), true),
        (connect(&broken, "a-secret"), true),
    ] {
        let error = storage.get(&key("a"), 10).await.unwrap_err();
        assert!(matches!(error, StorageError::Failed(_)), "{error:?}");
        assert_eq!(crate::is_away(&error.into()), is_away);
    }
}

/// A server that gives every request the same answer.
async fn always(answer: &'static str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while let Ok(1..) = stream.read(&mut request).await {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    format!("http://{address}")
}
