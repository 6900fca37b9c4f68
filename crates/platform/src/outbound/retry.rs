//! Whether and when a call is made again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};

use super::{OutboundError, Request, Response};

/// Attempts of one call, the first included (requirement D3).
pub(super) const MOST_ATTEMPTS: u32 = 3;

/// The longest pause before the second attempt; it doubles after that.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// What a call saves for retries: with a partner that is down altogether, there is one retry to ten calls, not two to
/// each, which would make three times the load of what cannot carry one.
const SAVED: f64 = 0.1;

/// How many retries can be saved up.
const MOST_SAVED: f64 = 10.0;

/// How many retries a partner's calls have saved.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<f64>);

impl Budget {
    pub(super) fn save(&self) {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *saved = (*saved + SAVED).min(MOST_SAVED);
    }

    /// Whether there is enough for one retry, which is then spent.
    pub(super) fn spend(&self) -> bool {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = *saved >= 1.0;
        if enough {
            *saved -= 1.0;
        }
        enough
    }
}

/// Whether making the call twice does what making it once does: by its method (RFC 9110, 9.2.2), or because it carries a
/// key by which the partner knows it again.
pub(super) fn is_repeatable(request: &Request) -> bool {
    let method = request.method();
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    ) || request.headers().contains_key("idempotency-key")
}

/// How long to wait before the next attempt; `None` if another cannot help. `jitter` is any random number: all of the
/// pause is random, so that callers who failed together do not come back together.
pub(super) fn pause(
    attempt: u32,
    result: &Result<Response, OutboundError>,
    jitter: u64,
) -> Option<Duration> {
    match result {
        Ok(response) if is_passing(response.status) => {
            let asked = retry_after(&response.headers).unwrap_or_default();
            Some(asked.max(jittered(attempt, jitter)))
        }
        Err(OutboundError::Connect(_) | OutboundError::BrokeOff(_)) => {
            Some(jittered(attempt, jitter))
        }
        // A deadline has used up the time of all attempts; what was refused here is refused again.
        _ => None,
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn jittered(attempt: u32, jitter: u64) -> Duration {
    let longest = FIRST_PAUSE * 2_u32.pow(attempt.saturating_sub(1).min(8));
    let span = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(jitter % (span + 1))
}

/// In seconds; the form with a date is for caches and hardly sent by APIs (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(
        attempt: u32,
        status: u16,
        retry_after: Option<&str>,
        jitter: u64,
    ) -> Option<Duration> {
        let headers = retry_after.map(|value| (header::RETRY_AFTER, value.parse().unwrap()));
        let answer = Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.into_iter().collect(),
            body: bytes::Bytes::new(),
        };
        pause(attempt, &Ok(answer), jitter)
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        for status in [429, 502, 503, 504] {
            assert!(after(1, status, None, 7).is_some(), "{status}");
        }
        for status in [200, 400, 404, 409, 500, 501] {
            assert_eq!(after(1, status, None, 7), None, "{status}");
        }
        for error in [
            OutboundError::HostNotAllowed,
            OutboundError::BodyTooLong,
            OutboundError::Refused(super::super::Refusal::Deadline),
            OutboundError::Refused(super::super::Refusal::BreakerOpen),
        ] {
            assert_eq!(pause(1, &Err(error), 7), None);
        }
    }

    #[test]
    fn pauses_are_random_and_grow_and_are_never_shorter_than_the_partner_asks() {
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(after(1, 503, None, 0), ms(0));
        assert_eq!(after(1, 503, None, 200), ms(200));
        assert_eq!(after(2, 503, None, 400), ms(400));
        for jitter in [1, 999, u64::MAX] {
            assert!(after(2, 503, None, jitter) <= ms(400));
        }
        assert_eq!(after(1, 503, Some("2"), 0), ms(2_000));
    }

    #[test]
    fn a_call_without_a_key_that_changes_something_is_not_repeatable() {
        let request = |method: &str, key: bool| {
            let request = http::Request::builder()
                .method(method)
                .uri("http://partner");
            let request = if key {
                request.header("idempotency-key", "k")
            } else {
                request
            };
            request.body(bytes::Bytes::new()).unwrap()
        };
        assert!(is_repeatable(&request("GET", false)));
        assert!(!is_repeatable(&request("POST", false)));
        assert!(!is_repeatable(&request("PATCH", false)));
        assert!(is_repeatable(&request("POST", true)));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_partner_asks_for_is_a_pause_or_nothing() {
        fuzzing::bytes("retry_after", |value| {
            let Ok(value) = http::HeaderValue::from_bytes(value) else {
                return;
            };
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
            if let Some(pause) = retry_after(&headers) {
                assert_eq!(pause.subsec_nanos(), 0);
            }
        });
    }
}
