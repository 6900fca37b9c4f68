//! People who look at one page again and again while something happens to the shop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Client, ClientBuilder, StatusCode};
use tokio::time::sleep;

/// What they saw.
#[derive(Default)]
pub(super) struct Read {
    /// How many times they asked.
    pub(super) asked: usize,
    /// What became of the requests that were lost.
    lost: Vec<String>,
}

impl Read {
    /// What all of them saw together.
    pub(super) fn together(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |mut sum, one| {
            sum.asked += one.asked;
            sum.lost.extend(one.lost);
            sum
        })
    }

    /// Fails if a request was lost, or if so few were made that it says nothing.
    pub(super) fn lost_nothing(&self, least: usize) {
        let (asked, lost) = (self.asked, self.lost.len());
        let example = self.lost.first();
        assert_eq!(lost, 0, "of {asked} requests {lost} were lost: {example:?}");
        assert!(asked > least, "only {asked} requests were made");
    }
}

/// A client with one connection of its own that keeps it. It sends nothing twice: what a connection was given and did not
/// answer is lost.
pub(super) fn connection(client: ClientBuilder) -> Client {
    let client = client
        .retry(reqwest::retry::never())
        .pool_idle_timeout(None)
        .pool_max_idle_per_host(1);
    client.build().expect("a client")
}

/// Looks at `page` again and again, with pauses.
pub(super) async fn read_until(
    client: &Client,
    page: &str,
    pause: Duration,
    is_over: &AtomicBool,
) -> Read {
    let mut read = Read::default();
    while !is_over.load(Ordering::Relaxed) {
        read.asked += 1;
        read.lost.extend(look(client, page).await.err());
        sleep(pause).await;
    }
    read
}

/// Succeeds if the page comes whole.
pub(super) async fn look(client: &Client, page: &str) -> Result<(), String> {
    let answer = client.get(page).send().await;
    let answer = answer.map_err(|error| format!("{error:?}"))?;
    let (status, colour) = (answer.status(), answer.headers().get("x-colour").cloned());
    let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
    if status == StatusCode::OK && text.contains("</html>") {
        return Ok(());
    }
    Err(format!("{status} of {colour:?}"))
}
