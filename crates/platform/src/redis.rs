//! Redis, for what may be lost: sessions, cache, rate counters.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{Cmd, FromRedisValue, IntoConnectionInfo as _, Pipeline, ProtocolVersion};

use crate::outbound::{BreakerSettings, Guard, Refusal, Standing, Verdict};

/// How long a command may take, waiting for a connection included.
///
/// Redis answers in well under a millisecond. When it does not, it is ill, and the request must go on without it: a page
/// that can do without is there within a second even then.
pub const DEADLINE: Duration = Duration::from_millis(500);

/// How many commands may wait at once. They share one connection, so this bounds memory alone.
const BULKHEAD: usize = 1_000;

/// Redis is asked again soon: it starts in less than a second, and while it is away nobody can sign in.
fn breaker() -> BreakerSettings {
    BreakerSettings {
        open: Duration::from_secs(2),
        ..BreakerSettings::default()
    }
}

/// One multiplexed connection that comes back by itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Redis {
    connection: ConnectionManager,
    guard: Arc<Guard>,
    namespace: Arc<str>,
}

/// Redis gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// Redis is left alone at the moment, or nothing came back within [`DEADLINE`]; after a deadline a command that writes
    /// may still have been carried out.
    #[error("Redis is not available")]
    NotNow(#[source] Refusal),
    /// There is no connection, or Redis answered with an error, or with another type than expected.
    #[error("the Redis command failed")]
    Failed(#[source] redis::RedisError),
}

impl RedisError {
    /// Whether something of another type than the command expects stands under its key.
    #[must_use]
    pub fn is_wrong_type(&self) -> bool {
        let Self::Failed(error) = self else {
            return false;
        };
        // Of a pipeline, each command has an error of its own.
        let errors = error.clone().into_server_errors();
        errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "WRONGTYPE"))
    }

    /// Whether trying again later helps.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::NotNow(_) => true,
            // It is starting, changes roles, is busy with a script or out of memory.
            Self::Failed(error) => {
                let code = error.code().unwrap_or_default();
                error.is_io_error()
                    || ["LOADING", "MASTERDOWN", "READONLY", "BUSY", "OOM"].contains(&code)
            }
        }
    }
}

impl Redis {
    /// Prepares a connection to `url` (`redis://`, or `rediss://` for TLS), and opens it with the first command: a
    /// server must be able to start while Redis is down. Every key begins with `namespace`.
    ///
    /// # Panics
    /// Outside a tokio runtime, because the connection's upkeep is a task.
    ///
    /// # Errors
    /// If `url` is not the address of a Redis server.
    pub fn connect(url: &str, namespace: &str) -> anyhow::Result<Self> {
        let info = url.into_connection_info().context("read the Redis URL")?;
        // RESP3 makes the server's side push its farewell, so that a lost connection is replaced at once and not by the
        // next command, which would fail.
        let settings = info
            .redis_settings()
            .clone()
            .set_protocol(ProtocolVersion::RESP3);
        let info = info
            .set_redis_settings(settings)
            .set_tcp_settings(tcp_settings());
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(DEADLINE))
            .set_response_timeout(Some(DEADLINE))
            // Each command tries at most once to open the connection: see `once_more_if_refused`.
            .set_number_of_retries(0);
        let client = redis::Client::open(info).context("read the Redis URL")?;
        Ok(Self {
            connection: ConnectionManager::new_lazy_with_config(client, config)
                .context("prepare the Redis connection")?,
            guard: Arc::new(Guard::new("redis", DEADLINE, BULKHEAD, breaker())),
            namespace: namespace.into(),
        })
    }

    /// The name under which this application keeps `id` among things of one `kind`.
    #[must_use]
    pub fn key(&self, kind: &str, id: impl std::fmt::Display) -> String {
        format!("{}:{kind}:{id}", self.namespace)
    }

    /// Sends one command.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        self.call(Work::Command(command)).await
    }

    /// Sends several commands in one round trip.
    pub async fn query_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, RedisError> {
        self.call(Work::Pipeline(commands)).await
    }

    /// Runs a script, which Redis carries out as one step that no other command can interrupt.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &redis::ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        self.call(Work::Script(script)).await
    }

    /// How Redis stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.guard.standing()
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), RedisError> {
        self.query(&redis::cmd("PING")).await
    }

    async fn call<T: FromRedisValue>(&self, work: Work<'_>) -> Result<T, RedisError> {
        let judge = |result: &redis::RedisResult<T>| match result {
            Ok(_) => ("ok", Verdict::Works),
            Err(error) if error.is_timeout() => ("deadline", Verdict::Broken),
            Err(error) if error.is_io_error() => ("failed", Verdict::Broken),
            // It answered, if only that the command is wrong.
            Err(_) => ("failed", Verdict::Works),
        };
        let called = self.guard.call(self.once_more_if_refused(work), judge);
        match called.await.map_err(RedisError::NotNow)? {
            Ok(value) => Ok(value),
            Err(error) if error.is_timeout() => Err(RedisError::NotNow(Refusal::Deadline)),
            Err(error) => Err(RedisError::Failed(error)),
        }
    }

    /// The connection manager remembers a refused connection and hands the memory to the next command, however much
    /// later that comes. So the first command after Redis is back would fail; a refusal is proof that nothing was sent,
    /// so sending again is safe.
    async fn once_more_if_refused<T: FromRedisValue>(
        &self,
        work: Work<'_>,
    ) -> redis::RedisResult<T> {
        match work.send(self.connection.clone()).await {
            Err(error) if error.is_connection_refusal() => work.send(self.connection.clone()).await,
            result => result,
        }
    }
}

/// What can be sent. Not a closure: the compiler cannot see that the future of an async closure which borrows is `Send`,
/// and an HTTP handler's has to be.
#[derive(Clone, Copy)]
enum Work<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a redis::ScriptInvocation<'a>),
}

impl Work<'_> {
    async fn send<T: FromRedisValue>(
        self,
        mut connection: ConnectionManager,
    ) -> redis::RedisResult<T> {
        match self {
            Self::Command(command) => command.query_async(&mut connection).await,
            Self::Pipeline(commands) => commands.query_async(&mut connection).await,
            Self::Script(script) => script.invoke_async(&mut connection).await,
        }
    }
}

/// Small commands go out at once, and a host that vanished is noticed in seconds. The system's own defaults would hold
/// back packets (Nagle's algorithm) and write to a dead host for a quarter of an hour.
fn tcp_settings() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(
        TcpKeepalive::new()
            .with_time(Duration::from_secs(10))
            .with_interval(Duration::from_secs(5)),
    );
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(Duration::from_secs(10));
    settings
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn what_is_written_is_read_back_under_the_namespace() {
        let redis = testing::redis();
        let key = redis.key("greeting", 7);
        let () = redis
            .query(redis::cmd("SET").arg(&key).arg("hello").arg("EX").arg(60))
            .await
            .unwrap();
        let found: Option<String> = redis.query(redis::cmd("GET").arg(&key)).await.unwrap();
        assert_eq!(found.as_deref(), Some("hello"));

        let stranger = testing::redis();
        let elsewhere = stranger.key("greeting", 7);
        let found: Option<String> = stranger
            .query(redis::cmd("GET").arg(elsewhere))
            .await
            .unwrap();
        assert_eq!(found, None);
    }

    #[tokio::test]
    async fn a_script_runs_even_when_the_server_has_never_seen_it() {
        let redis = testing::redis();
        let script = redis::Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
        let key = redis.key("counter", "a");
        let count: i64 = redis.run(script.key(&key).arg(3)).await.unwrap();
        assert_eq!(count, 3);
        let count: i64 = redis.run(script.key(&key).arg(4)).await.unwrap();
        assert_eq!(count, 7);
    }

    #[tokio::test]
    async fn a_server_that_never_answers_costs_one_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let redis = Redis::connect(&url, "test").unwrap();
        let started = Instant::now();
        assert!(matches!(
            redis.ping().await,
            Err(RedisError::NotNow(Refusal::Deadline))
        ));
        assert!(started.elapsed() < DEADLINE * 3 / 2);
    }

    #[tokio::test]
    async fn opening_the_connection_counts_towards_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        tokio::spawn(pass_on_to_redis(listener, DEADLINE * 2 / 3));
        let redis = Redis::connect(&url, "test").unwrap();
        let started = Instant::now();
        assert!(matches!(
            redis.ping().await,
            Err(RedisError::NotNow(Refusal::Deadline))
        ));
        assert!(started.elapsed() < DEADLINE * 5 / 4);
    }

    #[tokio::test]
    async fn nothing_fails_before_the_first_command_and_nothing_after_redis_is_back() {
        let port = free_port().await;
        let redis = Redis::connect(&format!("redis://127.0.0.1:{port}"), "test").unwrap();
        assert!(matches!(redis.ping().await, Err(RedisError::Failed(_))));
        // By now the connection's upkeep has tried again in the background, and was refused too.
        TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();

        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        tokio::spawn(pass_on_to_redis(listener, Duration::ZERO));
        redis.ping().await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_redis_closes_is_replaced_before_the_next_command() {
        let (redis, other) = (testing::redis(), testing::redis());
        let id: i64 = redis.query(redis::cmd("CLIENT").arg("ID")).await.unwrap();
        let () = other
            .query(redis::cmd("CLIENT").arg("KILL").arg("ID").arg(id))
            .await
            .unwrap();
        // The farewell is there; the connection's upkeep, a task of this runtime, has yet to read it.
        other.ping().await.unwrap();
        redis.ping().await.unwrap();
    }

    #[tokio::test]
    async fn a_rediss_address_speaks_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("rediss://{}", listener.local_addr().unwrap());
        let redis = Redis::connect(&url, "test").unwrap();
        let (first_byte, _) = tokio::join!(
            async {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_u8().await.unwrap()
            },
            redis.ping(),
        );
        assert_eq!(first_byte, 0x16, "a TLS handshake record (RFC 8446, 5.1)");
    }

    #[tokio::test]
    async fn an_address_of_something_else_is_refused() {
        assert!(Redis::connect("http://127.0.0.1", "test").is_err());
    }

    /// Passes everything on, and each answer back after `delay`.
    async fn pass_on_to_redis(listener: TcpListener, delay: Duration) {
        let url: url::Url = testing::services().redis_url.parse().unwrap();
        let address = (url.host_str().unwrap(), url.port().unwrap_or(6379));
        loop {
            let (ours, _) = listener.accept().await.unwrap();
            let (mut from_us, mut to_us) = ours.into_split();
            let redis = TcpStream::connect(address).await.unwrap();
            let (mut from_redis, mut to_redis) = redis.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_us, &mut to_redis).await });
            tokio::spawn(async move {
                let mut answer = vec![0; 4096];
                while let Ok(length @ 1..) = from_redis.read(&mut answer).await {
                    tokio::time::sleep(delay).await;
                    to_us.write_all(&answer[..length]).await.unwrap();
                }
            });
        }
    }

    async fn free_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    }
}
