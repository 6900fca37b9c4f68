//! Local stand-ins for the partners of the outside world, over real network protocols:
//! a Stripe-compatible payment provider with its hosted page and webhooks, and a mail server
//! with an inbox that can be read.
//!
//! The product cannot tell them from the real ones, except by the addresses in its settings. So
//! the sandbox knows nothing of the product: it depends on no other crate of this workspace, and
//! no code of the product exists for its sake.
//!
//! Everything is held in memory and forgotten at the end, and nothing is protected: no part of it
//! may be reachable from outside the machine.
//!
//! | address | serves |
//! |---|---|
//! | `/` | what passed between the product and its partners; switches to make them misbehave |
//! | `/v1/…` | the payment API |
//! | `/pay/{session}` | the hosted payment page |
//! | `/inbox`, `/inbox.json?to=` | mails |
//! | `/hooks`, `/hooks.json` | an endpoint for the webhooks that the product sends to its customers; what came there |
//! | `/control/payments`, `/control/smtp`, `/control/hooks` | the switches for tests: `{"mode": "slow", "delay_ms": 3000}` |
//! | `/control/webhooks.json`, `/control/charges.json` | events with their deliveries; money that moved |
//! | `/control/webhooks/{event}/{again,late,forged}` | sends an event by hand |

mod behaviour;
mod control;
mod hooks;
mod inbox;
mod payments;
mod recent;
mod web;
mod world;

pub use world::Clock;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::FromRef, middleware, routing::get};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use url::Url;

use crate::{
    hooks::Hooks,
    inbox::Inbox,
    payments::{Payments, Webhooks},
};

/// How the sandbox is to be set up. The default listens on free ports of the loopback interface.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The interface to listen on.
    pub address: IpAddr,
    /// The port of the pages and the payment API; 0 takes a free one.
    pub http_port: u16,
    /// The port of the mail server; 0 takes a free one.
    pub smtp_port: u16,
    /// Where browsers reach the pages, if not at the address listened on.
    pub public_url: Option<Url>,
    /// Where webhooks go. It may be set later: a test starts the sandbox before the product.
    pub webhook_url: Option<Url>,
    /// Signs the webhooks.
    pub webhook_secret: String,
    /// The bearer key that the payment API asks for.
    pub api_key: String,
    /// How long the "slow" button of the payment page takes.
    pub slow_payment: Duration,
    /// How many mails, payments, events and the like are remembered, of each.
    pub kept: usize,
    /// Dates everything. Waiting, as for the slow payment, is done in real time all the same.
    pub clock: Clock,
    /// The pause before an unanswered webhook is sent again; it doubles each time, up to 30 s.
    pub webhook_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            http_port: 0,
            smtp_port: 0,
            public_url: None,
            webhook_url: None,
            webhook_secret: "whsec_sandbox".to_owned(),
            api_key: "sk_test_sandbox".to_owned(),
            slow_payment: Duration::from_secs(10),
            kept: 1_000,
            clock: Clock::system(),
            webhook_pause: Duration::from_millis(500),
        }
    }
}

/// Why the sandbox did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Somebody else listens there, or the port needs more rights.
    #[error("cannot listen on {address} for {purpose}: choose another port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What it was to serve.
        purpose: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The client that sends webhooks could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[from] reqwest::Error),
}

/// A running sandbox. It stops when this is dropped; [`Running::stop`] waits until it has.
pub struct Running {
    /// Where the pages and the payment API are served.
    pub http_addr: SocketAddr,
    /// Where the mail server listens.
    pub smtp_addr: SocketAddr,
    /// Where browsers reach the pages, without a slash at the end.
    pub public_url: String,
    webhooks: Arc<Webhooks>,
    tasks: TaskTracker,
    stopping: DropGuard,
}

impl Running {
    /// Sends webhooks to this address from now on, those that wait for another attempt included.
    pub fn set_webhook_url(&self, url: Url) {
        self.webhooks.set_endpoint(url);
    }

    /// Ends connections, hanging ones too, and gives up webhooks that are still tried.
    pub async fn stop(self) {
        drop(self.stopping);
        self.tasks.wait().await;
    }
}

/// What handlers reach.
#[derive(Clone, FromRef)]
struct App {
    payments: Arc<Payments>,
    inbox: Arc<Inbox>,
    hooks: Arc<Hooks>,
}

/// Starts all partners. They serve until the returned value is dropped.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let (http, http_addr) = listen(&settings, settings.http_port, "pages").await?;
    let (smtp, smtp_addr) = listen(&settings, settings.smtp_port, "mail").await?;
    let public_url = settings.public_url.as_ref().map_or_else(
        || format!("http://{http_addr}"),
        |url| url.as_str().trim_end_matches('/').to_owned(),
    );
    let tasks = TaskTracker::new();
    let stopping = CancellationToken::new();
    let webhooks = Arc::new(Webhooks::try_new(
        &settings,
        tasks.clone(),
        stopping.clone(),
    )?);
    let payments = Arc::new(Payments::new(
        &settings,
        public_url.clone(),
        Arc::clone(&webhooks),
        tasks.clone(),
        stopping.clone(),
    ));
    let inbox = Arc::new(Inbox::new(settings.clock.clone(), settings.kept));
    let hooks = Arc::new(Hooks::new(
        settings.clock.clone(),
        settings.kept,
        stopping.clone(),
    ));

    let mail = inbox::serve(smtp, Arc::clone(&inbox), tasks.clone(), stopping.clone());
    tasks.spawn(mail);
    let expiry = Arc::clone(&payments).expire_sessions();
    tasks.spawn(stopping.clone().run_until_cancelled_owned(expiry));
    let app = App {
        payments,
        inbox,
        hooks,
    };
    let pages =
        axum::serve(http, router(app)).with_graceful_shutdown(stopping.clone().cancelled_owned());
    tasks.spawn(async move {
        if let Err(error) = pages.await {
            tracing::error!(%error, "pages no longer served");
        }
    });
    tasks.close();
    Ok(Running {
        http_addr,
        smtp_addr,
        public_url,
        webhooks,
        tasks,
        stopping: stopping.drop_guard(),
    })
}

async fn listen(
    settings: &Settings,
    port: u16,
    purpose: &'static str,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let address = SocketAddr::new(settings.address, port);
    let listening = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listening.await.map_err(|source| StartError::Listen {
        address,
        purpose,
        source,
    })
}

fn router(app: App) -> Router {
    Router::new()
        .merge(control::routes())
        .merge(payments::routes(&app.payments))
        .merge(inbox::routes())
        .merge(hooks::routes())
        .route("/sandbox.css", get(web::stylesheet))
        .layer(middleware::map_response(web::add_headers))
        .with_state(app)
}
