//! A whole shop for tests: the real programs as processes, with a database and files of their own, and the sandbox for
//! the outside world.
#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a test fails, and whatever fails here fails the test"
)]

pub mod gates;
mod inbox;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platform::testing::{TestDatabase, services};
use reqwest::Client;
use reqwest::redirect::Policy;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

pub use self::inbox::{Attachment, Mail};

/// Longer than anything takes on a busy build server; nobody waits for it unless something is broken.
pub const PATIENCE: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(100);

/// The key that RFC 8410 prints: everybody knows it.
const JWT_SIGNING_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

/// A shop that runs, with the demo catalogue on its shelves. Its processes end with this value.
pub struct Shop {
    url: String,
    client: Client,
    server: Child,
    worker: Option<Child>,
    sandbox: sandbox::Running,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
    logs: PathBuf,
    _database: TestDatabase,
}

impl Shop {
    /// A shop whose server runs background jobs as well. Its logs are kept in `target/journey/{name}-….log`.
    pub async fn start(name: &str) -> Self {
        Self::start_with(name, &["serve", "--with-worker"]).await
    }

    /// A shop in which nobody runs background jobs, until [`Shop::start_worker`] is called.
    pub async fn start_without_worker(name: &str) -> Self {
        Self::start_with(name, &["serve"]).await
    }

    async fn start_with(name: &str, arguments: &[&str]) -> Self {
        let database = TestDatabase::create(&server::migrations::all()).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("http://127.0.0.1:{}", free_port());
        let sandbox = sandbox::start(sandbox::Settings {
            webhook_url: Some(parse(&format!("{url}/webhooks/payments"))),
            ..sandbox::Settings::default()
        })
        .await
        .expect("a sandbox that starts");
        let environment = environment(&url, &database, &sandbox, folder.path());
        let logs = artefacts().join(name);

        let mut seed = program(&["seed"], &environment, &logs);
        let seeded = seed.wait().await.expect("a seed that ends");
        assert!(seeded.success(), "the seed failed: see {}", logs.display());

        let shop = Self {
            server: program(arguments, &environment, &logs),
            worker: None,
            client: client(),
            url,
            sandbox,
            environment,
            folder,
            logs,
            _database: database,
        };
        let ready = shop.url("/readyz");
        eventually("a server that is ready", async || {
            let response = shop.client.get(&ready).send().await.ok()?;
            response.status().is_success().then_some(())
        })
        .await;
        shop
    }

    /// The address of a page.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// A client that follows no redirects and keeps no cookies.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A folder that is gone with the shop.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server as `kill -9` does: it finishes nothing.
    pub async fn kill_server(&mut self) {
        self.server
            .kill()
            .await
            .expect("a server that can be ended");
    }

    /// Empties this shop's Redis, as a restart of Redis without persistence does.
    pub async fn flush_redis(&self) {
        let url = self
            .environment
            .iter()
            .find(|(name, _)| *name == "REDIS_URL");
        let url = parse(&url.expect("the shop has a Redis").1);
        let address = (
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(6379),
        );
        let mut redis = TcpStream::connect(address).await.expect("Redis answers");
        // Redis takes commands as plain lines too (https://redis.io/docs/latest/develop/reference/protocol-spec/).
        let commands = format!("SELECT {}\r\nFLUSHDB\r\nQUIT\r\n", &url.path()[1..]);
        redis
            .write_all(commands.as_bytes())
            .await
            .expect("Redis listens");
        let mut answers = String::new();
        redis
            .read_to_string(&mut answers)
            .await
            .expect("Redis answers");
        assert_eq!(answers, "+OK\r\n+OK\r\n+OK\r\n");
    }

    /// Starts a process that runs background jobs and nothing else.
    pub fn start_worker(&mut self) {
        self.worker = Some(program(&["worker"], &self.environment, &self.logs));
    }
}

/// As `cargo xtask dev` sets it, with addresses of this shop.
fn environment(
    url: &str,
    database: &TestDatabase,
    sandbox: &sandbox::Running,
    folder: &Path,
) -> Vec<(&'static str, String)> {
    let defaults = sandbox::Settings::default();
    vec![
        ("ENVIRONMENT", "development".to_owned()),
        ("PRODUCT_NAME", "Mainstay".to_owned()),
        ("SELLER_NAME", "Mainstay Ltd".to_owned()),
        (
            "SELLER_ADDRESS",
            "1 Quay Street; 24103 Kiel; Germany".to_owned(),
        ),
        ("CURRENCY", "EUR".to_owned()),
        ("LOG_FORMAT", "text".to_owned()),
        ("NO_COLOR", "1".to_owned()),
        ("PUBLIC_URL", url.to_owned()),
        (
            "LISTEN_ADDRESS",
            url.trim_start_matches("http://").to_owned(),
        ),
        ("METRICS_ADDRESS", format!("127.0.0.1:{}", free_port())),
        ("DATABASE_URL", database.url_of("app").to_string()),
        ("REDIS_URL", redis_url()),
        (
            "STORAGE_URL",
            format!("file://{}", folder.join("storage").display()),
        ),
        ("SMTP_URL", format!("smtp://{}", sandbox.smtp_addr)),
        ("MAIL_FROM", "shop@example.test".to_owned()),
        ("PAYMENT_API_URL", sandbox.public_url.clone()),
        ("PAYMENT_API_KEY", defaults.api_key),
        ("PAYMENT_WEBHOOK_SECRETS", defaults.webhook_secret),
        (
            "SECRET_KEY",
            "a key that only this test knows and uses".to_owned(),
        ),
        ("JWT_SIGNING_KEY", JWT_SIGNING_KEY.to_owned()),
    ]
}

/// Starts the server's binary, which ends with the returned value, and keeps what it says in `{logs}-{command}.log`.
fn program(arguments: &[&str], environment: &[(&'static str, String)], logs: &Path) -> Child {
    let log = format!("{}-{}.log", logs.display(), arguments[0]);
    let log = File::create(log).expect("a log that can be written");
    Command::new(binaries().join("server"))
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the server's binary: run `cargo build -p server` first")
}

/// A database of the test's Redis that no other shop uses at the same time: Redis has 16, and the first is left to the
/// other tests.
fn redis_url() -> String {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let number = 1 + TAKEN.fetch_add(1, Ordering::Relaxed) % 15;
    format!("{}/{number}", services().redis_url)
}

/// Where this build puts programs: a test's own is in the folder `deps` there.
fn binaries() -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let folder = test.ancestors().nth(2).expect("target/<profile>/deps");
    folder.to_owned()
}

/// Where to leave what people may want to look at after a run: `target/journey`.
#[must_use]
pub fn artefacts() -> PathBuf {
    let folder = binaries().with_file_name("journey");
    fs::create_dir_all(&folder).expect("a folder in target");
    folder
}

/// A port of the loopback interface that nobody listened on a moment ago.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Looks again and again until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(PAUSE).await;
        }
    };
    let found = timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("{what}: waited for {PATIENCE:?} in vain"))
}

/// The text of a PDF, as `pdftotext` reads it.
pub async fn pdf_text(pdf: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("document.pdf");
    fs::write(&file, pdf).expect("a file that can be written");
    let reading = Command::new("pdftotext").arg(&file).arg("-").output().await;
    let read = reading.expect("pdftotext, of Debian's package poppler-utils");
    assert!(read.status.success(), "pdftotext cannot open the document");
    String::from_utf8(read.stdout).expect("pdftotext writes UTF-8")
}

/// A client that goes straight to where it is told.
#[expect(clippy::disallowed_methods, reason = "a test plays the outside world")]
#[must_use]
pub fn client() -> Client {
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(PATIENCE);
    client.build().expect("a client")
}

fn parse(url: &str) -> url::Url {
    url.parse().expect("an address")
}
