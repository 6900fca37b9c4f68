//! Object storage as pgBackRest knows it: the S3 protocol, over TLS, with signatures that are checked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const NAME: &str = "backups";
const KEY: &str = "an-id";
const SECRET: &str = "a-secret";

/// A bucket that is gone with this value.
pub(super) struct Bucket {
    port: u16,
    certificate: PathBuf,
    serving: JoinHandle<()>,
    folder: TempDir,
}

impl Bucket {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let objects = folder.path().join("objects");
        fs::create_dir_all(objects.join(NAME)).expect("a folder of objects");
        let (certificate, tls) = tls(folder.path());
        let objects = FileSystem::new(objects).expect("a folder of objects");
        let mut service = S3ServiceBuilder::new(objects);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (service, tls) = (service.clone(), tls.clone());
                tokio::spawn(async move {
                    // Whoever hangs up, in the middle of anything, is no fault of the bucket's.
                    if let Ok(stream) = tls.accept(stream).await {
                        let server = Builder::new(TokioExecutor::new());
                        let _ = server.serve_connection(TokioIo::new(stream), service).await;
                    }
                });
            }
        });
        Self {
            port,
            certificate,
            serving,
            folder,
        }
    }

    /// What pgBackRest is told.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let settings = [
            ("S3_BUCKET", NAME),
            ("S3_ENDPOINT", "localhost"),
            ("S3_REGION", "eu-central-1"),
            ("S3_KEY", KEY),
            ("S3_KEY_SECRET", SECRET),
            ("STORAGE_HOST", "127.0.0.1"),
            ("STORAGE_PORT", &self.port.to_string()),
            ("STORAGE_CA_FILE", &self.certificate.to_string_lossy()),
            ("STORAGE_VERIFY_TLS", "n"),
            ("CIPHER_PASS", "a passphrase that only this drill knows"),
        ];
        let named =
            settings.map(|(name, value)| (format!("PGBACKREST_REPO1_{name}"), value.to_owned()));
        named.to_vec()
    }

    /// All that is stored, one after the other.
    pub(super) fn contents(&self) -> Vec<u8> {
        let mut contents = Vec::new();
        read_all(&self.folder.path().join("objects"), &mut contents);
        contents
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn read_all(folder: &Path, contents: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).expect("a folder of objects") {
        let path = entry.expect("an object").path();
        if path.is_dir() {
            read_all(&path, contents);
        } else {
            contents.extend(fs::read(path).expect("an object"));
        }
    }
}

/// A certificate of the bucket's own, as a file and in use.
fn tls(folder: &Path) -> (PathBuf, TlsAcceptor) {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-nodes",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl, which Debian's PostgreSQL brings along");
    assert!(made.status.success(), "openssl makes no certificate");
    let chain = CertificateDer::from_pem_file(&certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(&key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that are safe")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a certificate and its key");
    (certificate, TlsAcceptor::from(Arc::new(config)))
}
