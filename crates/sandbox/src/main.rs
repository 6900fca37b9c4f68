//! The sandbox as a program of its own, for development.

use std::{
    io::{IsTerminal, stderr},
    net::{IpAddr, Ipv4Addr},
};

use anyhow::Context;
use clap::Parser;
use sandbox::Settings;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

/// Local stand-ins for a payment provider and a mail server.
///
/// For development and tests only: nothing here is protected.
#[derive(Parser)]
struct Options {
    /// Interface to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Port of the pages and the payment API; 0 takes a free one
    #[arg(long, default_value_t = 8025)]
    http_port: u16,
    /// Port of the mail server; 0 takes a free one
    #[arg(long, default_value_t = 1025)]
    smtp_port: u16,
    /// Where webhooks are sent
    #[arg(long)]
    webhook_url: Option<Url>,
    /// Signs the webhooks
    #[arg(long, default_value_t = Settings::default().webhook_secret)]
    webhook_secret: String,
    /// Bearer key that the payment API asks for
    #[arg(long, default_value_t = Settings::default().api_key)]
    api_key: String,
    /// How many mails, payments, events and the like are remembered, of each
    #[arg(long, default_value_t = Settings::default().kept)]
    kept: usize,
    /// Where browsers reach the pages, if not at the address listened on
    #[arg(long)]
    public_url: Option<Url>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
    let options = Options::parse();
    let settings = Settings {
        address: options.address,
        http_port: options.http_port,
        smtp_port: options.smtp_port,
        public_url: options.public_url,
        webhook_url: options.webhook_url,
        webhook_secret: options.webhook_secret,
        api_key: options.api_key,
        kept: options.kept,
        ..Settings::default()
    };
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let running = sandbox::start(settings).await?;
    tracing::info!(pages = running.public_url, smtp = %running.smtp_addr, "sandbox started");
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("listen for Ctrl-C")?,
    }
    running.stop().await;
    Ok(())
}
