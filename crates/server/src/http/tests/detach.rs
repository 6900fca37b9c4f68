//! Clients that hang up, over real sockets.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use orders::{CartOwner, Quantity};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use super::*;
use crate::http::detach::ClientGone;
use crate::http::error::Result;
use crate::telemetry::listen_with;

/// What the line about a request says, by field.
#[derive(Debug, Default)]
struct Line(BTreeMap<&'static str, String>);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Line {
    fn says(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }
}

struct Lines(mpsc::UnboundedSender<Line>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "request" {
            let mut line = Line::default();
            event.record(&mut line);
            let _nobody_reads = self.0.send(line);
        }
    }
}

/// A server that listens, and what it logs about requests.
struct Listening {
    server: Server,
    address: SocketAddr,
    lines: mpsc::UnboundedReceiver<Line>,
    _log: DefaultGuard,
    _stop: tokio_util::sync::DropGuard,
}

impl Listening {
    async fn start(handlers: Router<App>) -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        let log = listen_with(tracing_subscriber::registry().with(Lines(sender)));
        let server = Server::start().await;
        let router = layered(handlers, server.app.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, tasks) = (CancellationToken::new(), server.app.tasks().clone());
        tokio::spawn(crate::serve::serve(listener, router, tasks, stop.clone()));
        Self {
            server,
            address,
            lines,
            _log: log,
            _stop: stop.drop_guard(),
        }
    }

    /// Sends a request without a body. Whoever drops the connection hangs up.
    async fn send(&self, method: &str, path: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        client
    }

    async fn line(&mut self) -> Line {
        self.lines.recv().await.unwrap()
    }
}

/// The cart of somebody who needs no session.
fn owner() -> CartOwner {
    CartOwner::User(kernel::UserId::from_uuid(uuid::Uuid::from_u128(7)))
}

/// Goes on when the client has hung up, and not before.
async fn once_nobody_waits(request: Request, next: Next) -> Response {
    while !request.extensions().get().is_some_and(ClientGone::has_gone) {
        tokio::task::yield_now().await;
    }
    next.run(request).await
}

async fn add_a_mug(State(app): State<App>) -> Result {
    let orders = app.orders();
    let mug = orders.a_product().await;
    let one = Quantity::ONE;
    orders.add_to_cart(&owner(), mug.id, one).await?;
    Ok(StatusCode::OK.into_response())
}

#[tokio::test]
async fn what_a_client_asked_for_before_it_hung_up_is_done_and_its_line_says_so() {
    let handler = post(add_a_mug).layer(from_fn(once_nobody_waits));
    let routes = Router::new().route("/cart/mug", handler);
    let mut listening = Listening::start(routes).await;
    drop(listening.send("POST", "/cart/mug").await);
    let line = listening.line().await;
    assert_eq!(line.says("status"), "200", "{line:?}");
    assert_eq!(line.says("client_gone"), "true", "{line:?}");
    assert!(line.says("route").contains("/cart/mug"), "{line:?}");
    let orders = listening.server.app.orders();
    assert_eq!(orders.count_cart(&owner()).await.unwrap(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_is_rolled_back_at_its_deadline() {
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        async move |State(app): State<App>| -> Result {
            let orders = app.orders();
            let mug = orders.a_product().await;
            let mut tx = app.platform().db.begin().await?;
            let one = Quantity::ONE;
            orders
                .add_to_cart_in_tx(&mut tx, &owner(), mug.id, one)
                .await?;
            begun.notify_one();
            std::future::pending().await
        }
    };
    let routes = Router::new().route("/cart/mug", post(handler));
    let mut listening = Listening::start(routes).await;
    drop(listening.send("POST", "/cart/mug").await);
    tokio::select! {
        () = begun.notified() => {}
        line = listening.line() => panic!("it ended with its client: {line:?}"),
    }
    tokio::time::pause();
    tokio::time::advance(limits::DEADLINE).await;
    let line = listening.line().await;
    tokio::time::resume();
    assert_eq!(line.says("status"), "503", "{line:?}");

    // The cart is free again, and as it was.
    let orders = listening.server.app.orders();
    let other = orders.a_product().await;
    orders
        .add_to_cart(&owner(), other.id, Quantity::ONE)
        .await
        .unwrap();
    assert_eq!(orders.count_cart(&owner()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_request_that_only_reads_ends_with_its_client() {
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        async move || {
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let routes = Router::new().route("/slow", get(handler));
    let mut listening = Listening::start(routes).await;
    let client = listening.send("GET", "/slow").await;
    begun.notified().await;
    drop(client);
    let line = listening.line().await;
    assert_eq!(line.says("status"), "499", "{line:?}");
}
