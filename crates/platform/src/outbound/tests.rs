use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-greeting: yes\r\n\r\nhello";

/// A partner that answers every call with the same bytes, then keeps the connection open.
async fn partner(answer: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                read_head(&mut stream).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
                std::future::pending::<()>().await;
            });
        }
    });
    url.parse().unwrap()
}

async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    head
}

fn call(url: &Url, change: impl FnOnce(&mut Policy)) -> Dependency {
    let mut policy = Policy::for_partner(url);
    change(&mut policy);
    Outbound::new(Entropy::seeded(1), user_agent("shop", "1"))
        .dependency("partner", policy)
        .unwrap()
}

/// What one call looks like to the partner, before its body.
async fn heard_by_a_partner(outbound: &Outbound) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let policy = Policy::for_partner(&url.parse().unwrap());
    let dependency = outbound.dependency("partner", policy).unwrap();
    let heard = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        stream.write_all(HELLO.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    };
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    let (answer, heard) = tokio::join!(dependency.send(request), heard);
    answer.unwrap();
    heard
}

#[tokio::test]
async fn partners_are_told_which_product_calls_and_which_release_of_it() {
    for (product, release, told) in [
        ("Mainstay", "1.4.0+a1b2c3", "Mainstay/1.4.0+a1b2c3"),
        (
            "Käthe's Shop",
            "next (two)\r\nx: y",
            "K-the's-Shop/next--two---x--y",
        ),
    ] {
        let outbound = Outbound::new(Entropy::seeded(1), user_agent(product, release));
        let heard = heard_by_a_partner(&outbound).await;
        let line = format!("user-agent: {told}\r\n");
        assert!(heard.contains(&line), "{heard}");
    }
}

/// A partner that answers its calls with these statuses, one after the other, and with the last for ever.
async fn moody_partner(statuses: &'static [u16]) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            let call = counted.fetch_add(1, Ordering::Relaxed);
            let status = statuses.get(call).or(statuses.last()).unwrap();
            let answer =
                format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url.parse().unwrap(), calls)
}

impl Dependency {
    /// As if it had made many calls before.
    fn with_savings(self) -> Self {
        for _ in 0..100 {
            self.0.budget.save();
        }
        self
    }
}

fn get(url: &Url) -> Request {
    http::Request::get(url.as_str()).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let url = partner(HELLO).await;
    let response = call(&url, |_| {}).send(get(&url)).await.unwrap();
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.headers["x-greeting"], "yes");
    assert_eq!(response.body, "hello");
}

#[tokio::test]
async fn another_port_of_the_same_host_is_another_host() {
    let (ours, other) = (partner(HELLO).await, partner(HELLO).await);
    let dependency = call(&ours, |_| {});
    assert!(dependency.send(get(&ours)).await.is_ok());
    assert!(matches!(
        dependency.send(get(&other)).await,
        Err(OutboundError::HostNotAllowed)
    ));
}

#[tokio::test]
async fn a_name_before_an_at_sign_is_not_the_host() {
    let ours: Url = "https://payments.example".parse().unwrap();
    let disguised: Url = "https://payments.example:443@evil.example/"
        .parse()
        .unwrap();
    assert!(matches!(
        call(&ours, |_| {}).send(get(&disguised)).await,
        Err(OutboundError::HostNotAllowed)
    ));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let url = partner("HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n").await;
    let response = call(&url, |_| {}).send(get(&url)).await.unwrap();
    assert_eq!(response.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_partner_that_never_answers_costs_one_deadline() {
    let deadline = Duration::from_millis(200);
    // The second one sends a head and five of six bytes.
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello"] {
        let url = partner(answer).await;
        let started = Instant::now();
        let result = call(&url, |policy| policy.deadline = deadline)
            .send(get(&url))
            .await;
        assert!(
            matches!(result, Err(OutboundError::Refused(Refusal::Deadline))),
            "{answer:?}: {result:?}"
        );
        assert!((deadline..deadline * 5).contains(&started.elapsed()));
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused() {
    let url = partner(HELLO).await;
    let exactly = call(&url, |policy| policy.max_body = 5);
    assert!(exactly.send(get(&url)).await.is_ok());
    let less = call(&url, |policy| policy.max_body = 4);
    assert!(matches!(
        less.send(get(&url)).await,
        Err(OutboundError::BodyTooLong)
    ));
}

#[tokio::test]
async fn a_call_beyond_the_bulkhead_is_refused_at_once() {
    let url = partner("").await;
    let dependency = call(&url, |policy| policy.bulkhead = 2);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (dependency, request) = (dependency.clone(), get(&url));
        waiting.spawn(async move { dependency.send(request).await });
    }
    while dependency.0.guard.places() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(
        dependency.send(get(&url)).await,
        Err(OutboundError::Refused(Refusal::BulkheadFull))
    ));

    // A caller who goes away gives back the place.
    waiting.shutdown().await;
    assert_eq!(dependency.0.guard.places(), 2);
}

#[tokio::test]
async fn a_call_for_a_person_is_made_up_to_three_times() {
    let (url, calls) = moody_partner(&[503, 502, 200]).await;
    let dependency = call(&url, |_| {}).with_savings();
    let response = dependency.send_persistently(get(&url)).await.unwrap();
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(calls.load(Ordering::Relaxed), 3);

    let (url, calls) = moody_partner(&[503]).await;
    let dependency = call(&url, |_| {}).with_savings();
    let response = dependency.send_persistently(get(&url)).await.unwrap();
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_must_not_happen_twice_and_what_a_job_calls_is_sent_once() {
    let (url, calls) = moody_partner(&[503]).await;
    let dependency = call(&url, |_| {}).with_savings();
    let order = http::Request::post(url.as_str()).body(Bytes::new());
    dependency.send_persistently(order.unwrap()).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    dependency.send(get(&url)).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_partner_that_is_down_gets_hardly_more_attempts_than_calls() {
    let (url, attempts) = moody_partner(&[503]).await;
    // Without its breaker, which would keep nearly all of them away.
    let dependency = call(&url, |policy| {
        policy.breaker.failures = usize::MAX;
        policy.breaker.calls = usize::MAX;
    });
    let calls = 200;
    for _ in 0..calls {
        dependency.send_persistently(get(&url)).await.unwrap();
    }
    let attempts = attempts.load(Ordering::Relaxed);
    assert!(attempts > calls, "some are tried again");
    assert!(attempts * 10 <= calls * 11, "{attempts} attempts");
}

#[tokio::test]
async fn a_partner_that_asks_for_more_time_than_there_is_is_not_called_again() {
    let url =
        partner("HTTP/1.1 503 Service Unavailable\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n")
            .await;
    let dependency = call(&url, |_| {}).with_savings();
    let started = Instant::now();
    dependency.send_persistently(get(&url)).await.unwrap();
    assert!(started.elapsed() < dependency.0.policy.deadline);
}

#[tokio::test]
async fn a_partner_that_fails_is_left_alone_and_one_that_refuses_is_not() {
    let (url, calls) = moody_partner(&[500]).await;
    let dependency = call(&url, |_| {});
    for _ in 0..5 {
        dependency.send(get(&url)).await.unwrap();
    }
    assert!(matches!(
        dependency.send(get(&url)).await,
        Err(OutboundError::Refused(Refusal::BreakerOpen))
    ));
    assert_eq!(calls.load(Ordering::Relaxed), 5);

    let (url, calls) = moody_partner(&[404]).await;
    let dependency = call(&url, |_| {});
    for _ in 0..30 {
        dependency.send(get(&url)).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 30);
}

#[tokio::test]
async fn a_closed_port_is_told_apart_from_a_broken_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    assert!(matches!(
        call(&url, |_| {}).send(get(&url)).await,
        Err(OutboundError::Connect(_))
    ));

    let url = partner("what is this?\r\n\r\n").await;
    assert!(matches!(
        call(&url, |_| {}).send(get(&url)).await,
        Err(OutboundError::BrokeOff(_))
    ));
}

#[test]
fn every_call_is_counted_under_its_dependency_and_outcome() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let found = partner(HELLO).await;
            let failing =
                partner("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
            for url in [&found, &found, &failing] {
                call(url, |_| {}).send(get(url)).await.unwrap();
            }
        });
    });
    let rendered = metrics.render();
    for line in [
        r#"outbound_calls_total{dependency="partner",outcome="ok"} 2"#,
        r#"outbound_calls_total{dependency="partner",outcome="server_error"} 1"#,
        r#"outbound_call_duration_seconds_count{dependency="partner"} 3"#,
    ] {
        assert!(
            rendered.lines().any(|found| found == line),
            "{line}\n{rendered}"
        );
    }
}
