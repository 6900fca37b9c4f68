//! HTTP calls to others: the one place that builds a client, so that every call has limits.
//!
//! A [`Dependency`] is one partner with the [`Policy`] for calling it. Whatever goes wrong there costs at most its
//! deadline and its bulkhead, opens its breaker, and shows in the metrics under its name. Partners that do not speak HTTP
//! (mail, Redis) are called through the same guard.

mod breaker;
mod guard;
mod public;
mod retry;
mod standing;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode};
use kernel::Entropy;
use tokio::time::Instant;
use tracing::{Instrument as _, field};
use url::Url;

pub use breaker::BreakerSettings;
pub use guard::Refusal;
pub(crate) use guard::{Guard, Verdict};
use public::PublicNames;
use retry::Budget;
pub use standing::{BreakerState, LastCall, Standing};

/// A client for a library that calls its own partner from a thread of its own, as the error tracker's does: no request and no
/// job ever waits for it, so it has a deadline for the whole call and no guard. Who calls is the library's to say.
///
/// # Errors
/// If the machine's TLS certificates cannot be read.
pub fn client_within(deadline: Duration) -> anyhow::Result<reqwest::Client> {
    client(deadline)
        .timeout(deadline)
        .build()
        .context("build an HTTP client")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that builds a client"
)]
fn client(connect: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(connect)
        // A redirect or a proxy from the environment would lead around the list of hosts.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

/// How the product names itself to those whom it calls, such as `Mainstay/1.4.0` (RFC 9110, section 10.1.5). What may not
/// stand in such a name is `-` there.
#[must_use]
#[expect(
    clippy::missing_panics_doc,
    reason = "letters of tokens may stand in headers"
)]
pub fn user_agent(product: &str, release: &str) -> HeaderValue {
    let token = |name: &str| name.replace(|letter| !is_of_a_token(letter), "-");
    let name = format!("{}/{}", token(product), token(release));
    HeaderValue::from_str(&name).expect("letters of tokens may stand in headers")
}

/// RFC 9110, section 5.6.2.
fn is_of_a_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter)
}

/// A call to make. Any `http::Request` whose body is in memory.
pub type Request = http::Request<Bytes>;

/// Makes dependencies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound {
    entropy: Entropy,
    user_agent: HeaderValue,
    /// Those that were made and are still there.
    dependencies: Arc<Mutex<Vec<Weak<Inner>>>>,
}

/// The limits on calls to one partner.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How long the whole call may take, from the first byte sent to the last one read.
    pub deadline: Duration,
    /// How many bytes of an answer are read.
    pub max_body: usize,
    /// Whether the body of an answer is read at all. Where the status says everything, one that is endless, or never comes,
    /// does no harm.
    pub reads_bodies: bool,
    /// How many calls may be under way at once. One more is refused at once: a partner that has become slow must not
    /// collect every task of the process.
    pub bulkhead: usize,
    /// When to leave the partner alone.
    pub breaker: BreakerSettings,
    /// Who may be called. An address that came from elsewhere leads nowhere else.
    pub hosts: Hosts,
}

/// Who may be called.
#[derive(Clone, Debug)]
pub enum Hosts {
    /// These `host:port` pairs.
    Listed(BTreeSet<String>),
    /// Whomever strangers name, over https, at addresses of the public internet: what a name leads to is looked at when the
    /// connection is opened.
    Public,
    /// Everybody, this machine included: for development.
    Anybody,
}

impl Policy {
    /// The usual limits, for the partner behind `url`.
    #[must_use]
    pub fn for_partner(url: &Url) -> Self {
        Self {
            connect: Duration::from_secs(1),
            deadline: Duration::from_secs(5),
            max_body: 1024 * 1024,
            reads_bodies: true,
            bulkhead: 25,
            breaker: BreakerSettings::default(),
            hosts: Hosts::Listed(authority(url).into_iter().collect()),
        }
    }

    /// The limits on calls to whomever strangers name, which are all one dependency. It has no breaker: what one of them
    /// does wrong must not keep the others waiting.
    #[must_use]
    pub fn for_strangers() -> Self {
        Self {
            connect: Duration::from_secs(1),
            deadline: Duration::from_secs(5),
            max_body: 0,
            reads_bodies: false,
            bulkhead: 25,
            breaker: BreakerSettings::never(),
            hosts: Hosts::Public,
        }
    }

    fn permits(&self, url: &Url) -> bool {
        match &self.hosts {
            Hosts::Listed(hosts) => authority(url).is_some_and(|host| hosts.contains(&host)),
            Hosts::Public => public::may_be_called(url),
            Hosts::Anybody => true,
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
    /// The whole body, no longer than [`Policy::max_body`]; empty where the policy reads none.
    pub body: Bytes,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The policy does not permit the host. Nothing was sent.
    #[error("the host is not one of those that may be called")]
    HostNotAllowed,
    /// The host's name leads to no address of the public internet. Nothing was sent.
    #[error("the host has no public address")]
    AddressNotPublic,
    /// The limits on calls to this partner.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No connection could be opened. Nothing was sent.
    #[error("no connection could be opened")]
    Connect(#[source] reqwest::Error),
    /// The answer is longer than the policy allows. The partner has acted.
    #[error("the answer is too long")]
    BodyTooLong,
    /// The connection broke, or what came was not HTTP. Whether the partner acted is unknown.
    #[error("the call broke off")]
    BrokeOff(#[source] reqwest::Error),
}

impl OutboundError {
    /// Whether trying again later helps.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::Connect(_) | Self::BrokeOff(_)
        )
    }

    /// The label under which the metrics count it, and what it says about the partner.
    fn judged(&self) -> (&'static str, Verdict) {
        match self {
            Self::HostNotAllowed => ("host_not_allowed", Verdict::Works),
            Self::AddressNotPublic => ("address_not_public", Verdict::Works),
            Self::Refused(refusal) => (refusal.outcome(), Verdict::Broken),
            Self::Connect(_) => ("connect", Verdict::Broken),
            Self::BodyTooLong => ("body_too_long", Verdict::Works),
            Self::BrokeOff(_) => ("broke_off", Verdict::Broken),
        }
    }
}

impl Outbound {
    /// The way out. `entropy` spreads retries; partners are told the [`user_agent`].
    #[must_use]
    pub fn new(entropy: Entropy, user_agent: HeaderValue) -> Self {
        Self {
            entropy,
            user_agent,
            dependencies: Arc::default(),
        }
    }

    /// How each partner stands, in the order in which they were made.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        let dependencies = self.dependencies.lock();
        let dependencies = dependencies.unwrap_or_else(PoisonError::into_inner);
        let alive = dependencies.iter().filter_map(Weak::upgrade);
        alive.map(|inner| inner.guard.standing()).collect()
    }

    /// A partner to call. `name` labels its metrics and spans.
    ///
    /// # Errors
    /// If the machine's TLS certificates cannot be read.
    pub fn dependency(&self, name: &'static str, policy: Policy) -> anyhow::Result<Dependency> {
        self.dependency_by(PublicNames::of_the_machine(), name, policy)
    }

    /// A partner to call; `names` says where names lead, if the policy asks for public ones.
    fn dependency_by(
        &self,
        names: PublicNames,
        name: &'static str,
        policy: Policy,
    ) -> anyhow::Result<Dependency> {
        let mut builder = client(policy.connect);
        match policy.hosts {
            Hosts::Public => builder = builder.dns_resolver(names).https_only(true),
            Hosts::Listed(_) | Hosts::Anybody => {}
        }
        if !matches!(policy.hosts, Hosts::Listed(_)) {
            // However many strangers there are, none of their connections is kept.
            builder = builder.pool_max_idle_per_host(0);
        }
        let client = builder
            .user_agent(self.user_agent.clone())
            .tcp_nodelay(true)
            .build()
            .context("build an HTTP client")?;
        let breaker = policy.breaker.clone();
        let inner = Arc::new(Inner {
            name,
            guard: Guard::new(name, policy.deadline, policy.bulkhead, breaker),
            policy,
            client,
            budget: Budget::default(),
            entropy: self.entropy.clone(),
        });
        let dependencies = self.dependencies.lock();
        let mut dependencies = dependencies.unwrap_or_else(PoisonError::into_inner);
        dependencies.retain(|dependency| dependency.strong_count() > 0);
        dependencies.push(Arc::downgrade(&inner));
        Ok(Dependency(inner))
    }
}

/// A partner to call. Cheap to clone; clones share the limits and the connections.
#[derive(Clone, Debug)]
pub struct Dependency(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: &'static str,
    policy: Policy,
    client: reqwest::Client,
    guard: Guard,
    budget: Budget,
    entropy: Entropy,
}

impl Dependency {
    /// Makes one call, once. Any answer is `Ok`, whatever its status: what a 404 means is the caller's to say.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        self.0.budget.save();
        self.attempt(request, self.0.policy.deadline).await
    }

    /// Makes one call, up to three times within the deadline, for a person who waits. Once only if repeating it would do
    /// more than it says: a `POST` needs an `Idempotency-Key`.
    ///
    /// Jobs call [`Dependency::send`]: they are repeated themselves, and two layers would multiply.
    pub async fn send_persistently(&self, request: Request) -> Result<Response, OutboundError> {
        self.0.budget.save();
        let started = Instant::now();
        let deadline = self.0.policy.deadline;
        for attempt in 1.. {
            let left = deadline.saturating_sub(started.elapsed());
            let result = self.attempt(request.clone(), left).await;
            let may_again = attempt < retry::MOST_ATTEMPTS && retry::is_repeatable(&request);
            let jitter = u64::from_le_bytes(self.0.entropy.bytes());
            match retry::pause(attempt, &result, jitter).filter(|_| may_again) {
                Some(pause) if started.elapsed() + pause < deadline && self.0.budget.spend() => {
                    metrics::counter!("outbound_retries_total", "dependency" => self.0.name)
                        .increment(1);
                    tokio::time::sleep(pause).await;
                }
                _ => return result,
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn attempt(
        &self,
        request: Request,
        deadline: Duration,
    ) -> Result<Response, OutboundError> {
        // The path stays out: it may hold a token.
        let span = tracing::info_span!(
            "outbound.call",
            dependency = self.0.name,
            method = %request.method(),
            host = request.uri().host(),
            status = field::Empty,
            outcome = field::Empty,
        );
        let result = self
            .within_limits(request, deadline)
            .instrument(span.clone())
            .await;
        if let Ok(response) = &result {
            span.record("status", response.status.as_u16());
        }
        span.record("outcome", judge(&result).0);
        result
    }

    async fn within_limits(
        &self,
        request: Request,
        deadline: Duration,
    ) -> Result<Response, OutboundError> {
        // Checked on the value that is dialled, so that two readings of one address cannot differ.
        let request = reqwest::Request::try_from(request).map_err(OutboundError::BrokeOff)?;
        if !self.0.policy.permits(request.url()) {
            return Err(OutboundError::HostNotAllowed);
        }
        self.0
            .guard
            .call_within(deadline, self.exchange(request), judge)
            .await?
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Response, OutboundError> {
        let mut response = self.0.client.execute(request).await.map_err(|error| {
            if public::is_refusal(&error) {
                OutboundError::AddressNotPublic
            } else if error.is_connect() {
                OutboundError::Connect(error.without_url())
            } else {
                OutboundError::BrokeOff(error.without_url())
            }
        })?;
        let max = self.0.policy.max_body;
        let mut body = BytesMut::new();
        while self.0.policy.reads_bodies
            && let Some(chunk) = response
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

/// Whether strangers may name `url`: see [`Hosts::Public`]. It tells early what would be refused later; where a name leads is
/// not looked at.
#[must_use]
pub fn is_public(url: &Url) -> bool {
    public::may_be_called(url)
}

/// The `host:port` that an address leads to.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let port = url.port_or_known_default()?;
    Some(format!("{host}:{port}"))
}

/// What an answer says about the partner: that something of ours is wrong (4xx) does not speak against it.
fn judge(result: &Result<Response, OutboundError>) -> (&'static str, Verdict) {
    match result {
        Ok(response) => match response.status.as_u16() {
            ..400 => ("ok", Verdict::Works),
            400..500 => ("client_error", Verdict::Works),
            500.. => ("server_error", Verdict::Broken),
        },
        Err(error) => error.judged(),
    }
}

#[cfg(test)]
mod tests;
