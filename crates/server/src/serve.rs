//! Listens, serves, and stops without losing a request.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How long a client may take to send a request's head. It also bounds how long a connection may lie idle, so a proxy in
/// front must give up its idle connections sooner.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest head of a request, its address and all its headers together.
const HEAD_BYTES: usize = 32 * 1024;

/// How long requests in flight may go on after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// How long readiness says no before the listener closes: longer than a proxy takes to notice.
const UNREADY: Duration = Duration::from_secs(2);

/// Serves `router` on `listener` until `stop`, then lets requests in flight end, and the `tasks` of those whose client has
/// gone.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(connection(
                    stream,
                    peer,
                    router.clone(),
                    connections.watcher(),
                ));
            }
            Err(error) => {
                // Out of file descriptors, most likely: connections that end give some back.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let drained = async {
        connections.shutdown().await;
        // Closed only now: until the last connection has ended, requests make tasks.
        tasks.close();
        tasks.wait().await;
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("some requests did not end in time and are cut off");
    }
}

/// Serves one connection over HTTP/1.1. HTTP/2 and TLS end at the proxy in front, and hyper's detection of the version
/// would read a connection's first bytes without a timeout.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // The client hung up or sent something else than HTTP: its business.
        tracing::debug!(%error, "connection ended");
    }
}

/// A token that is cancelled when the process is told to stop.
///
/// `SIGTERM` comes from a release or a service manager: readiness says no at once, and the listener stays open until the
/// proxy has noticed. `SIGINT` comes from a person at a terminal, behind whom nobody waits.
///
/// # Errors
/// If the operating system refuses the handlers.
pub fn stop_on_signal(draining: impl Fn() + Send + 'static) -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {
                tracing::info!("told to stop");
                draining();
                tokio::time::sleep(UNREADY).await;
            }
            _ = interrupt.recv() => draining(),
        }
        stopped.cancel();
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n";

    async fn start(router: Router) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, router, TaskTracker::new(), stop.clone()));
        (address, stop, server)
    }

    #[tokio::test]
    async fn a_request_in_flight_ends_before_the_server_does() {
        let (arrived, go_on) = (
            std::sync::Arc::new(Notify::new()),
            std::sync::Arc::new(Notify::new()),
        );
        let handler = {
            let (arrived, go_on) = (arrived.clone(), go_on.clone());
            async move || {
                arrived.notify_one();
                go_on.notified().await;
                "done"
            }
        };
        let (address, stop, server) = start(Router::new().route("/", get(handler))).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        arrived.notified().await;

        stop.cancel();
        let mut refused = TcpStream::connect(address).await;
        while refused.is_ok() {
            tokio::task::yield_now().await;
            refused = TcpStream::connect(address).await;
        }
        assert!(!server.is_finished());

        go_on.notify_one();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
            "{answer}"
        );
        server.await.unwrap();
    }

    #[tokio::test]
    async fn work_whose_client_has_gone_ends_before_the_server_does() {
        let tasks = TaskTracker::new();
        let (stop, go_on) = (CancellationToken::new(), std::sync::Arc::new(Notify::new()));
        let work = tasks.spawn({
            let go_on = go_on.clone();
            async move { go_on.notified().await }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut server = Box::pin(serve(listener, Router::new(), tasks, stop.clone()));
        stop.cancel();
        for _ in 0..100 {
            assert!(futures::poll!(server.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        server.await;
        assert!(work.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_its_head_too_slowly_is_cut_off() {
        let (address, _stop, _server) = start(Router::new().route("/", get(async || "done"))).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&REQUEST[..10]).await.unwrap();
        let mut answer = Vec::new();
        // Ends when the server hangs up; the paused clock makes that come at once.
        let _ended = client.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused() {
        let (address, _stop, _server) = start(Router::new().route("/", get(async || "done"))).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let mut request = REQUEST[..REQUEST.len() - 2].to_vec();
        request.extend(format!("x: {}\r\n\r\n", "y".repeat(HEAD_BYTES)).bytes());
        client.write_all(&request).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}
