use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use platform::testing::{TestDatabase, Wire, services};
use reqwest::Client;
use server::config::Settings;
use server::http::observe::REPEATED;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Child;
use url::Url;

use crate::{Release, artefacts, client, eventually, free_port, parse};

/// The key that RFC 8410 prints: everybody knows it.
pub(crate) const JWT_SIGNING_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

/// What a shop is to be like.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What its logs are called: `target/journey/{name}-….log`.
    pub name: String,
    /// Whether its server runs background jobs as well.
    pub with_worker: bool,
    /// Whether the payment provider is reached by a wire that can be cut.
    pub with_wire: bool,
    /// Where people reach the shop, and how, if whoever sets it up starts its servers.
    pub behind: Option<(String, Client)>,
    /// Settings that differ from those that `cargo xtask dev` makes.
    pub environment: Vec<(&'static str, String)>,
    /// Another release that has made the database and serves.
    pub release: Option<Release>,
    /// A database of the caller's, at this address for its superuser, in place of one on the server that all tests share.
    pub database: Option<Url>,
}

impl Setup {
    /// A shop whose server runs background jobs as well.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            with_worker: true,
            with_wire: false,
            behind: None,
            environment: Vec::new(),
            release: None,
            database: None,
        }
    }

    /// Opens the shop with another release's server, on the schema that this one migrates to.
    #[must_use]
    pub fn of_release(mut self, release: Release) -> Self {
        self.release = Some(release);
        self
    }

    /// Leaves background jobs to workers, which are started with [`Shop::start_worker`].
    #[must_use]
    pub fn without_worker(mut self) -> Self {
        self.with_worker = false;
        self
    }

    /// Puts a wire between the shop and the payment provider's API: [`Shop::wire_to_provider`].
    #[must_use]
    pub fn with_wire_to_provider(mut self) -> Self {
        self.with_wire = true;
        self
    }

    /// Starts no server: people go to `url`, which is answered by what whoever sets the shop up starts there.
    #[must_use]
    pub fn behind(mut self, url: &str, client: Client) -> Self {
        self.behind = Some((url.to_owned(), client));
        self
    }

    /// Sets one setting.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Opens the shop on a database that is migrated, at this address for its superuser.
    #[must_use]
    pub fn on(mut self, database: Url) -> Self {
        self.database = Some(database);
        self
    }
}

/// A shop that runs, with the demo catalogue on its shelves. Its processes end with this value.
pub struct Shop {
    url: String,
    client: Client,
    with_worker: bool,
    // Behind locks, so that a drill can end them while customers are served.
    server: Mutex<Option<Child>>,
    /// Another server of the same shop and its address, to which [`Shop::switch_servers`] turns.
    other: Option<(String, Child)>,
    workers: Mutex<Vec<Child>>,
    pub(crate) sandbox: sandbox::Running,
    wire: Wire,
    environment: Vec<(&'static str, String)>,
    folder: TempDir,
    logs: PathBuf,
    database: TestDatabase,
    /// Whose programs are started.
    release: Release,
    /// Whether another release answers, of which the description of this one's API says nothing.
    pub(crate) is_described: bool,
}

impl Shop {
    /// A shop whose server runs background jobs as well. Its logs are kept in `target/journey/{name}-….log`.
    pub async fn start(name: &str) -> Self {
        Self::open(Setup::new(name)).await
    }

    /// A shop in which nobody runs background jobs, until [`Shop::start_worker`] is called.
    pub async fn start_without_worker(name: &str) -> Self {
        Self::open(Setup::new(name).without_worker()).await
    }

    /// A shop as `setup` says.
    pub async fn open(setup: Setup) -> Self {
        let is_described = setup.release.is_none();
        let release = setup.release.unwrap_or_else(Release::this);
        let database = match setup.database {
            Some(url) => TestDatabase::elsewhere(url),
            None if is_described => TestDatabase::create(&server::migrations::all()).await,
            None => release.make_database().await,
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = || (format!("http://127.0.0.1:{}", free_port()), client());
        let starts_server = setup.behind.is_none();
        let (url, client) = setup.behind.unwrap_or_else(own);
        let sandbox = sandbox::start(sandbox::Settings {
            webhook_url: Some(parse(&format!("{url}/webhooks/payments"))),
            ..sandbox::Settings::default()
        })
        .await
        .expect("a sandbox that starts");
        let mut environment = environment(&url, &database, &sandbox, folder.path());
        let wire = Wire::to(sandbox.http_addr.to_string()).await;
        if setup.with_wire {
            environment.push(("PAYMENT_API_URL", format!("http://{}", wire.address())));
        }
        environment.extend(setup.environment);
        let logs = artefacts().join(setup.name);

        for release in [&Release::this(), &release] {
            release.forget_logs(&logs);
        }
        seed(&release, &environment, &logs).await;

        let server = || release.start(arguments(setup.with_worker), &environment, &logs);
        let shop = Self {
            server: Mutex::new(starts_server.then(server)),
            other: None,
            with_worker: setup.with_worker,
            workers: Mutex::default(),
            client,
            url,
            sandbox,
            wire,
            environment,
            folder,
            logs,
            database,
            release,
            is_described,
        };
        if starts_server {
            shop.ready().await;
        }
        shop
    }

    /// Has all programs that are started from now on be those of `release`.
    pub fn turn_to(&mut self, release: &Release) {
        self.release = release.clone();
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

    /// The wire to the payment provider's API, in a shop that was set up with one.
    #[must_use]
    pub fn wire_to_provider(&self) -> &Wire {
        &self.wire
    }

    /// The shop's database.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// A connection to the database that may look at everything.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(self.database.superuser_url().as_str())
            .await
            .expect("PostgreSQL answers")
    }

    /// Waits until the server takes requests.
    pub async fn ready(&self) {
        let ready = self.url("/readyz");
        eventually("a server that is ready", async || {
            let response = self.client.get(&ready).send().await.ok()?;
            response.status().is_success().then_some(())
        })
        .await;
    }

    /// Waits until the server has no request in hand, also none whose client went away.
    pub async fn idle(&self) {
        eventually("a server without requests", async || {
            let in_flight = self.metric("http_requests_in_flight", &[]).await;
            (in_flight < 1.0).then_some(())
        })
        .await;
    }

    /// The id of the server's process.
    #[must_use]
    pub fn server_pid(&self) -> u32 {
        let server = locked(&self.server);
        server
            .as_ref()
            .and_then(Child::id)
            .expect("a server that runs")
    }

    /// Ends the server as `kill -9` does: it finishes nothing.
    pub async fn kill_server(&self) {
        let server = locked(&self.server).take();
        kill(server.expect("a server that runs")).await;
    }

    /// Starts the server again after it was ended.
    pub async fn start_server(&self) {
        let server = arguments(self.with_worker);
        let server = self.release.start(server, &self.environment, &self.logs);
        *locked(&self.server) = Some(server);
        self.ready().await;
    }

    /// Goes on with another database, at this address for its superuser, as after a restore. The server was ended before.
    pub async fn move_to(&mut self, database: Url) {
        self.database = TestDatabase::elsewhere(database);
        let url = self.database.url_of("app").to_string();
        self.environment.push(("DATABASE_URL", url));
        self.start_server().await;
    }

    /// Starts another server over the same database, Redis and files, and sends requests there from now on.
    pub async fn start_another_server(&mut self) {
        let address = format!("127.0.0.1:{}", free_port());
        let mut environment = self.environment.clone();
        environment.push(("LISTEN_ADDRESS", address.clone()));
        environment.push(("METRICS_ADDRESS", format!("127.0.0.1:{}", free_port())));
        let server = self
            .release
            .start(arguments(false), &environment, &self.logs);
        self.other = Some((format!("http://{address}"), server));
        self.switch_servers();
        self.ready().await;
    }

    /// Sends requests to the other server from now on.
    pub fn switch_servers(&mut self) {
        let (url, server) = self.other.take().expect("another server was started");
        let server = locked(&self.server).replace(server);
        let url = std::mem::replace(&mut self.url, url);
        self.other = server.map(|server| (url, server));
    }

    /// Starts one more process that runs background jobs and nothing else.
    pub fn start_worker(&self) {
        let mut environment = self.environment.clone();
        environment.push(("METRICS_ADDRESS", format!("127.0.0.1:{}", free_port())));
        let worker = self.release.start(&["worker"], &environment, &self.logs);
        locked(&self.workers).push(worker);
    }

    /// Runs one command of the server's binary to its end.
    pub async fn run(&self, arguments: &[&str]) {
        let mut program = self.release.start(arguments, &self.environment, &self.logs);
        let ended = program.wait().await.expect("a command that ends");
        assert!(
            ended.success(),
            "{arguments:?}: see {}",
            self.logs.display()
        );
    }

    /// Runs one command of the server's binary and gives what it said.
    pub async fn ask_server(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = self.release.command(arguments, &self.environment);
        let said = command.output().await;
        said.expect("the server's binary: run `cargo build -p server` first")
    }

    /// What processes have logged that were started with this command: `serve`, `worker`.
    #[must_use]
    pub fn log(&self, command: &str) -> String {
        self.log_of(&Release::this(), command)
    }

    /// As [`Shop::log`], of the processes of another release.
    #[must_use]
    pub fn log_of(&self, release: &Release, command: &str) -> String {
        fs::read_to_string(release.log(&self.logs, command)).unwrap_or_default()
    }

    /// The ids of the workers' processes.
    #[must_use]
    pub fn worker_pids(&self) -> Vec<u32> {
        locked(&self.workers).iter().filter_map(Child::id).collect()
    }

    /// Ends a worker as `kill -9` does, and forgets it.
    pub async fn kill_worker(&self, worker: usize) {
        let worker = locked(&self.workers).swap_remove(worker);
        kill(worker).await;
    }

    /// The value of a setting.
    #[must_use]
    pub fn setting(&self, name: &str) -> &str {
        let setting = self.environment.iter().rfind(|(known, _)| *known == name);
        &setting.expect("the shop has this setting").1
    }

    /// What the server's processes find in their environment; of two of one name, the last counts.
    #[must_use]
    pub fn environment(&self) -> &[(&'static str, String)] {
        &self.environment
    }

    /// All settings, as the server's processes read them.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let environment = self.environment.iter();
        let environment = environment.map(|(name, value)| ((*name).to_owned(), value.clone()));
        Settings::from_map(&environment.collect()).expect("settings without a fault")
    }

    /// Sends commands to this shop's Redis and returns what comes back, line by line.
    ///
    /// Redis takes commands as plain lines too (<https://redis.io/docs/latest/develop/reference/protocol-spec/>).
    pub async fn redis(&self, commands: &[&str]) -> Vec<String> {
        let url: Url = parse(self.setting("REDIS_URL"));
        let address = (
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(6379),
        );
        let mut redis = TcpStream::connect(address).await.expect("Redis answers");
        let commands = commands.join("\r\n");
        let commands = format!("SELECT {}\r\n{commands}\r\nQUIT\r\n", &url.path()[1..]);
        redis
            .write_all(commands.as_bytes())
            .await
            .expect("Redis listens");
        let mut answers = String::new();
        redis
            .read_to_string(&mut answers)
            .await
            .expect("Redis answers");
        let mut lines: Vec<_> = answers.lines().map(str::to_owned).collect();
        // The answers to SELECT and QUIT.
        lines.remove(0);
        lines.pop();
        lines
    }

    /// Empties this shop's Redis, as a restart of Redis without persistence does.
    pub async fn flush_redis(&self) {
        assert_eq!(self.redis(&["FLUSHDB"]).await, ["+OK"]);
    }

    /// The sum of a metric of the server over the label sets that contain `labels`; 0 where there is none.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let url = format!("http://{}/metrics", self.setting("METRICS_ADDRESS"));
        let response = self.client.get(url).send().await.expect("metrics");
        let text = response.text().await.expect("metrics");
        let wanted = |line: &str| {
            let series = line.strip_prefix(name)?;
            let (found, value) = series.rsplit_once(' ')?;
            let is_it = found.is_empty() || found.starts_with('{');
            let has =
                |(label, value): &(&str, &str)| found.contains(&format!("{label}=\"{value}\""));
            (is_it && labels.iter().all(has)).then(|| value.parse::<f64>().ok())?
        };
        text.lines().filter_map(wanted).sum()
    }
}

impl Drop for Shop {
    /// Fails the test in which a request looped over statements (requirement B2): the server says so in its log.
    fn drop(&mut self) {
        let log = self.log("serve");
        let looped: Vec<_> = log.lines().filter(|line| line.contains(REPEATED)).collect();
        assert!(looped.is_empty() || std::thread::panicking(), "{looped:#?}");
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn kill(mut process: Child) {
    process.kill().await.expect("a process that can be ended");
}

fn arguments(with_worker: bool) -> &'static [&'static str] {
    if with_worker {
        &["serve", "--with-worker"]
    } else {
        &["serve"]
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
        // The sandbox receives as a customer's program does.
        ("WEBHOOK_ALLOW_PRIVATE_ADDRESSES", "true".to_owned()),
        ("PAYMENT_API_KEY", defaults.api_key),
        ("PAYMENT_WEBHOOK_SECRETS", defaults.webhook_secret),
        (
            "SECRET_KEY",
            "a key that only this test knows and uses".to_owned(),
        ),
        ("JWT_SIGNING_KEY", JWT_SIGNING_KEY.to_owned()),
    ]
}

/// Fills a database with the demo shop's people and orders. What the seed says is kept in `target/journey/{name}-seed.log`.
pub async fn fill(database: &TestDatabase, name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sandbox = sandbox::start(sandbox::Settings::default());
    let sandbox = sandbox.await.expect("a sandbox that starts");
    let url = format!("http://127.0.0.1:{}", free_port());
    let environment = environment(&url, database, &sandbox, folder.path());
    seed(&Release::this(), &environment, &artefacts().join(name)).await;
}

async fn seed(release: &Release, environment: &[(&'static str, String)], logs: &Path) {
    let mut seed = release.start(&["seed"], environment, logs);
    let seeded = seed.wait().await.expect("a seed that ends");
    assert!(seeded.success(), "the seed failed: see {}", logs.display());
}

/// A database of the test's Redis that no other shop uses at the same time: Redis has 16, and the first is left to the
/// other tests.
fn redis_url() -> String {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let number = 1 + TAKEN.fetch_add(1, Ordering::Relaxed) % 15;
    format!("{}/{number}", services().redis_url)
}
