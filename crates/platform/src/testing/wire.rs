use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// TCP to a server, through the test's hands: it can be slowed down, silenced, cut and mended.
pub struct Wire {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
}

/// How things are on a [`Wire`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything passes.
    Working,
    /// Whatever the server says passes after this pause.
    Slow(Duration),
    /// Connections are accepted and nothing passes until it works again, as with a server that is stopped.
    Silent,
    /// Every connection is closed and no other is accepted, as with a server that has ended.
    Cut,
}

#[derive(Clone, Copy)]
struct Weather {
    state: State,
    /// How many connections were opened.
    opened: u64,
    /// The connections up to this number are silent for ever.
    lost: u64,
}

impl Wire {
    /// A wire to the server at `host:port`.
    pub async fn to(server: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (weather, _) = watch::channel(Weather {
            state: State::Working,
            opened: 0,
            lost: 0,
        });
        tokio::spawn(accept(listener, server.into(), weather.clone()));
        Self { address, weather }
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the state, for the open connections too.
    pub async fn set(&self, state: State) {
        self.weather.send_modify(|weather| weather.state = state);
        while state == State::Cut && TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Lets the open connections be silent for ever while new ones work, as when a host vanishes and another takes over.
    pub fn lose_connections(&self) {
        self.weather
            .send_modify(|weather| weather.lost = weather.opened);
    }
}

async fn accept(mut listener: TcpListener, server: String, weather: watch::Sender<Weather>) {
    let address = listener.local_addr().expect("its address");
    let mut changes = weather.subscribe();
    loop {
        if changes.borrow_and_update().state == State::Cut {
            drop(listener);
            until(&mut changes, |weather| weather.state != State::Cut).await;
            listener = TcpListener::bind(address).await.expect("the same port");
        }
        tokio::select! {
            _ = changes.changed() => {}
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("a connection");
                weather.send_modify(|weather| weather.opened += 1);
                let number = weather.borrow().opened;
                tokio::spawn(carry(client, server.clone(), weather.subscribe(), number));
            }
        }
    }
}

/// Ends, and with it the connection, when one side ends or the wire is cut.
async fn carry(
    client: TcpStream,
    server: String,
    mut weather: watch::Receiver<Weather>,
    number: u64,
) {
    let is_open = |weather: &Weather| weather.state != State::Silent;
    until(&mut weather, is_open).await;
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = weather.clone();
    tokio::select! {
        () = pass(from_client, to_server, weather.clone(), number, false) => {}
        () = pass(from_server, to_client, weather, number, true) => {}
        () = until(&mut cut, |weather| weather.state == State::Cut) => {}
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
    number: u64,
    is_answer: bool,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let now = *weather.borrow_and_update();
        if let State::Slow(pause) = now.state
            && is_answer
        {
            tokio::time::sleep(pause).await;
        }
        until(&mut weather, |weather| {
            weather.state != State::Silent && number > weather.lost
        })
        .await;
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// Waits until the weather is so; for ever if the test is over before.
async fn until(weather: &mut watch::Receiver<Weather>, is_so: impl FnMut(&Weather) -> bool) {
    if weather.wait_for(is_so).await.is_err() {
        std::future::pending::<()>().await;
    }
}
