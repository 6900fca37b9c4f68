//! The outermost layer: names a request, finds out whom it comes from, and writes one line about it at its end.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use ipnet::IpNet;
use kernel::Entropy;
use platform::correlation;
use sentry::{Hub, SentryFutureExt as _};
use tracing::Instrument as _;

use crate::app::App;
use crate::http::client;
use crate::http::context::{Context, RequestContext};
use crate::http::detach::ClientGone;
use crate::http::error::ErrorId;
use crate::telemetry::Tally;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Shown by a browser's developer tools beside each request (W3C, Server Timing).
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What a loop of statements is called in the log. At 100,000 users a page that sends one for each of its rows takes the
/// database's connections for as long as a hundred others.
pub const REPEATED: &str =
    "one request has sent a statement again and again: ask for all rows at once";

/// The status of a request whose client went away before the answer was there; nginx's convention.
const CLIENT_CLOSED: u16 = 499;

/// Runs the request inside a span, a correlation and an error-reporting scope of its own.
pub(crate) async fn observe(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let proxies = &app.site().trusted_proxies;
    let entropy = &app.platform().entropy;
    let context = Arc::new(RequestContext::new(
        request_id(peer, request.headers(), proxies, entropy),
        client::address(peer, request.headers(), proxies),
        hex::encode(entropy.bytes::<16>()),
        request.uri().path().to_owned(),
    ));
    request.extensions_mut().insert(Arc::clone(&context));

    let request_id = context.request_id.clone();
    let mut line = Line::begin(&app, &request, context);
    let hub = Arc::new(Hub::new_from_top(Hub::current()));
    hub.configure_scope(|scope| {
        scope.set_tag("request_id", &request_id);
        scope.set_tag("route", &line.route);
    });
    let span = tracing::info_span!("request", request_id);
    let work = Arc::clone(&line.tally)
        .count(next.run(request))
        .instrument(span)
        .bind_hub(hub);
    let mut response = correlation::scope(request_id, work).await;

    if let Ok(value) = HeaderValue::try_from(&line.context.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    line.status = response.status().as_u16();
    line.error_id = response.extensions_mut().remove::<ErrorId>();
    if app.site().in_development {
        line.tell_cost(&mut response);
    }
    #[cfg(test)]
    line.forbid_loops();
    response
}

/// The id that a trusted proxy gave the request, so that both logs can be read together, or a new one.
fn request_id(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], entropy: &Entropy) -> String {
    let given = headers
        .get(REQUEST_ID)
        .filter(|_| trusted.iter().any(|net| net.contains(&peer.to_canonical())))
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            let plausible = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            (8..=64).contains(&id.len()) && id.bytes().all(plausible)
        });
    given.map_or_else(|| hex::encode(entropy.bytes::<16>()), str::to_owned)
}

/// The one line about a request, written when it is dropped: also if the client went away and the handler with it.
struct Line {
    context: Context,
    tally: Arc<Tally>,
    started: Instant,
    method: Method,
    /// The template, such as `/orders/{number}`: few enough for a metric, and free of anybody's data.
    route: String,
    release: String,
    status: u16,
    error_id: Option<ErrorId>,
    /// Of a request that is seen through without its client. Any other ends with the status 499 then.
    client: Option<ClientGone>,
}

impl Line {
    fn begin(app: &App, request: &Request, context: Context) -> Self {
        metrics::gauge!("http_requests_in_flight").increment(1);
        let route = request.extensions().get::<MatchedPath>();
        let tally = if app.site().in_development || cfg!(test) {
            Tally::by_text()
        } else {
            Tally::default()
        };
        Self {
            context,
            tally: Arc::new(tally),
            started: Instant::now(),
            method: request.method().clone(),
            route: route.map_or("unmatched", MatchedPath::as_str).to_owned(),
            release: app.site().release.clone(),
            status: CLIENT_CLOSED,
            error_id: None,
            client: request.extensions().get().cloned(),
        }
    }

    /// Says what the answer has cost, to whoever develops, and warns of a loop of statements while its author still knows
    /// where it is. Whoever calls the router itself, as the gates do, finds the tally among the answer's extensions.
    fn tell_cost(&self, response: &mut Response) {
        let (millis, statements) = (rounded(self.tally.millis()), self.tally.statements());
        let cost = format!("db;dur={millis};desc=\"{statements} statements\"");
        if let Ok(cost) = HeaderValue::try_from(cost) {
            response.headers_mut().append(SERVER_TIMING, cost);
        }
        for (statement, times) in self.tally.repeated() {
            tracing::warn!(route = self.route, times, statement, "{REPEATED}");
        }
        response.extensions_mut().insert(Arc::clone(&self.tally));
    }

    /// Fails whichever test has sent a request that loops over statements (requirement B2).
    #[cfg(test)]
    fn forbid_loops(&self) {
        let repeated = self.tally.repeated();
        let (method, route) = (&self.method, &self.route);
        assert!(
            repeated.is_empty(),
            "{method} {route}: {REPEATED}: {repeated:#?}"
        );
    }

    /// A method is a label of a metric, so a client must not be able to invent more of them.
    fn method_label(&self) -> &'static str {
        match self.method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let labels = [
            ("method", self.method_label().to_owned()),
            ("route", self.route.clone()),
        ];
        metrics::gauge!("http_requests_in_flight").decrement(1);
        metrics::histogram!("http_request_duration_seconds", &labels).record(elapsed);
        metrics::counter!(
            "http_requests_total",
            "method" => self.method_label(),
            "route" => self.route.clone(),
            "status" => StatusCode::from_u16(self.status).map_or("499".to_owned(), |status| status.as_str().to_owned()),
        )
        .increment(1);
        tracing::info!(
            target: "request",
            request_id = self.context.request_id,
            method = self.method_label(),
            route = self.route,
            status = self.status,
            ms = rounded(elapsed.as_secs_f64() * 1e3),
            db_ms = rounded(self.tally.millis()),
            db_statements = self.tally.statements(),
            user_id = self.context.user_id().map(tracing::field::display),
            client = %self.context.client,
            client_gone = self.client.as_ref().filter(|client| client.has_gone()).map(|_| true),
            release = self.release,
            error_id = self.error_id.as_ref().map(|id| id.0.as_str()),
            "request"
        );
    }
}

/// To the microsecond: more digits are noise in every line.
fn rounded(millis: f64) -> f64 {
    (millis * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(peer: &str, given: &str) -> String {
        let headers = HeaderMap::from_iter([(REQUEST_ID, given.parse().unwrap())]);
        let trusted = ["127.0.0.1/32".parse().unwrap()];
        request_id(
            peer.parse().unwrap(),
            &headers,
            &trusted,
            &Entropy::seeded(1),
        )
    }

    #[test]
    fn only_a_trusted_proxy_names_a_request() {
        assert_eq!(id_for("127.0.0.1", "abc-12345"), "abc-12345");
        assert_ne!(id_for("203.0.113.9", "abc-12345"), "abc-12345");
    }

    #[test]
    fn a_name_that_could_garble_the_log_is_replaced() {
        for given in ["short", "has spaces in it", "{\"json\":1}", &"x".repeat(65)] {
            assert_ne!(id_for("127.0.0.1", given), given);
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_requests_name_stands_in_a_log_as_it_is() {
        let trusted = ["127.0.0.1/32".parse().unwrap()];
        fuzzing::bytes("request_id", move |given| {
            let Ok(given) = HeaderValue::from_bytes(given) else {
                return;
            };
            let headers = HeaderMap::from_iter([(REQUEST_ID, given)]);
            let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let id = request_id(peer, &headers, &trusted, &Entropy::seeded(1));
            assert!((8..=64).contains(&id.len()));
            assert!(
                id.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            );
        });
    }
}
