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

/// Serves `router` on `listener` until `stop`, then lets requests in flight end.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
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
    if tokio::time::timeout(DRAIN, connections.shutdown())
        .await
        .is_err()
    {
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
