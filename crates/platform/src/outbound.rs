//! HTTP calls to others: the one place that builds a client, so that every call has limits.
//!
//! A [`Dependency`] is one partner with the [`Policy`] for calling it. Whatever goes wrong there costs at most its
//! deadline and its bulkhead, and shows in the metrics under its name.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;
use tracing::{Instrument as _, field};
use url::Url;

/// A call to make. Any `http::Request` whose body is in memory.
pub type Request = http::Request<Bytes>;

/// Makes dependencies. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Outbound(());

/// The limits on calls to one partner.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How long the whole call may take, from the first byte sent to the last one read.
    pub deadline: Duration,
    /// How many bytes of an answer are read.
    pub max_body: usize,
    /// How many calls may be under way at once. One more is refused at once: a partner that has become slow must not
    /// collect every task of the process.
    pub bulkhead: usize,
    /// The `host:port` pairs that may be called. An address that came from elsewhere leads nowhere else.
    pub hosts: BTreeSet<String>,
}

impl Policy {
    /// The usual limits, for the partner behind `url`.
    #[must_use]
    pub fn for_partner(url: &Url) -> Self {
        Self {
            connect: Duration::from_secs(1),
            deadline: Duration::from_secs(5),
            max_body: 1024 * 1024,
            bulkhead: 25,
            hosts: authority(url).into_iter().collect(),
        }
    }
}

/// An answer, whatever its status says.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, no longer than [`Policy::max_body`].
    pub body: Bytes,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The policy does not list the host. Nothing was sent.
    #[error("the host is not on the list of those that may be called")]
    HostNotAllowed,
    /// Too many calls are under way. Nothing was sent.
    #[error("too many calls are under way")]
    BulkheadFull,
    /// No connection could be opened. Nothing was sent.
    #[error("no connection could be opened")]
    Connect(#[source] reqwest::Error),
    /// The deadline passed. Whether the partner acted is unknown.
    #[error("the answer did not come in time")]
    Deadline,
    /// The answer is longer than the policy allows. The partner has acted.
    #[error("the answer is too long")]
    BodyTooLong,
    /// The connection broke, or what came was not HTTP. Whether the partner acted is unknown.
    #[error("the call broke off")]
    BrokeOff(#[source] reqwest::Error),
}

impl OutboundError {
    /// The label under which the metrics count it.
    fn outcome(&self) -> &'static str {
        match self {
            Self::HostNotAllowed => "host_not_allowed",
            Self::BulkheadFull => "bulkhead_full",
            Self::Connect(_) => "connect",
            Self::Deadline => "deadline",
            Self::BodyTooLong => "body_too_long",
            Self::BrokeOff(_) => "broke_off",
        }
    }
}

impl Outbound {
    /// The way out.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A partner to call. `name` labels its metrics and spans.
    ///
    /// # Errors
    /// If the machine's TLS certificates cannot be read.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that builds a client"
    )]
    pub fn dependency(&self, name: &'static str, policy: Policy) -> anyhow::Result<Dependency> {
        let client = reqwest::Client::builder()
            .connect_timeout(policy.connect)
            // A redirect or a proxy from the environment would lead around the list of hosts.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .user_agent(concat!(
                env!("CARGO_PKG_NAME"),
                "/",
                env!("CARGO_PKG_VERSION")
            ))
            .build()
            .context("build an HTTP client")?;
        let bulkhead = Semaphore::new(policy.bulkhead);
        Ok(Dependency(Arc::new(Inner {
            name,
            policy,
            client,
            bulkhead,
        })))
    }
}

/// A partner to call. Cheap to clone; clones share the bulkhead and the connections.
#[derive(Clone, Debug)]
pub struct Dependency(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: &'static str,
    policy: Policy,
    client: reqwest::Client,
    bulkhead: Semaphore,
}

impl Dependency {
    /// Makes one call, once. Any answer is `Ok`, whatever its status: what a 404 means is the caller's to say.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        // The path stays out: it may hold a token.
        let span = tracing::info_span!(
            "outbound.call",
            dependency = self.0.name,
            method = %request.method(),
            host = request.uri().host(),
            status = field::Empty,
            outcome = field::Empty,
        );
        let started = Instant::now();
        let result = self.within_limits(request).instrument(span.clone()).await;
        let outcome = match &result {
            Ok(response) => {
                span.record("status", response.status.as_u16());
                match response.status.as_u16() {
                    ..400 => "ok",
                    400..500 => "client_error",
                    500.. => "server_error",
                }
            }
            Err(error) => error.outcome(),
        };
        span.record("outcome", outcome);
        count(self.0.name, outcome, started.elapsed());
        result
    }

    async fn within_limits(&self, request: Request) -> Result<Response, OutboundError> {
        let policy = &self.0.policy;
        // Checked on the value that is dialled, so that two readings of one address cannot differ.
        let request = reqwest::Request::try_from(request).map_err(OutboundError::BrokeOff)?;
        if !authority(request.url()).is_some_and(|host| policy.hosts.contains(&host)) {
            return Err(OutboundError::HostNotAllowed);
        }
        let _permit = self
            .0
            .bulkhead
            .try_acquire()
            .map_err(|_| OutboundError::BulkheadFull)?;
        tokio::time::timeout(policy.deadline, self.exchange(request))
            .await
            .unwrap_or(Err(OutboundError::Deadline))
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Response, OutboundError> {
        let mut response = self.0.client.execute(request).await.map_err(|error| {
            if error.is_connect() {
                OutboundError::Connect(error.without_url())
            } else {
                OutboundError::BrokeOff(error.without_url())
            }
        })?;
        let max = self.0.policy.max_body;
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| OutboundError::BrokeOff(error.without_url()))?
        {
            if body.len() + chunk.len() > max {
                return Err(OutboundError::BodyTooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.freeze(),
        })
    }
}

/// The `host:port` that an address leads to.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let port = url.port_or_known_default()?;
    Some(format!("{host}:{port}"))
}

/// Counts one call to a dependency and times it. The adapters that do not speak HTTP count here too, so that every
/// dependency shows in the same two metrics.
pub(crate) fn count(dependency: &'static str, outcome: &'static str, took: Duration) {
    metrics::counter!("outbound_calls_total", "dependency" => dependency, "outcome" => outcome)
        .increment(1);
    metrics::histogram!("outbound_call_duration_seconds", "dependency" => dependency).record(took);
}

#[cfg(test)]
mod tests;
