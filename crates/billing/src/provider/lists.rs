//! The provider's books, page by page: <https://docs.stripe.com/api/pagination>.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use url::Url;

use super::wire::{IntentReply, ListReply};
use super::{Provider, ProviderError, RefundReply, Standing};

/// The most that the provider puts on a page.
const PAGE: &str = "100";

/// When the things that are asked for were made; `until` itself is outside. The provider's clock counts whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

/// Some of what was asked for, the newest first.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What the next page begins after, if there is one.
    pub(crate) last_id: Option<String>,
}

/// A payment intent as it is listed.
pub(crate) struct Charge {
    pub(crate) intent_id: String,
    pub(crate) standing: Standing,
}

impl Provider {
    /// A page of payment intents, paid or not.
    pub(crate) async fn list_charges(
        &self,
        window: Window,
        after: Option<&str>,
    ) -> Result<Page<Charge>, ProviderError> {
        let page: Page<IntentReply> = self
            .list("payment_intents", window, after, |intent: &IntentReply| {
                &intent.id
            })
            .await?;
        let charges = page.items.into_iter().map(|intent| Charge {
            intent_id: intent.id.clone(),
            standing: Standing::of_intent(intent),
        });
        Ok(Page {
            items: charges.collect(),
            last_id: page.last_id,
        })
    }

    /// A page of refunds.
    pub(crate) async fn list_refunds(
        &self,
        window: Window,
        after: Option<&str>,
    ) -> Result<Page<RefundReply>, ProviderError> {
        self.list("refunds", window, after, |refund: &RefundReply| &refund.id)
            .await
    }

    async fn list<T: DeserializeOwned>(
        &self,
        what: &str,
        window: Window,
        after: Option<&str>,
        id: impl Fn(&T) -> &str,
    ) -> Result<Page<T>, ProviderError> {
        let url = self.list_url(what, window, after)?;
        let reply: ListReply<T> = self.get_url(&url).await?;
        let last_id = reply.data.last().filter(|_| reply.has_more);
        let last_id = last_id.map(|last| id(last).to_owned());
        Ok(Page {
            items: reply.data,
            last_id,
        })
    }

    fn list_url(
        &self,
        what: &str,
        window: Window,
        after: Option<&str>,
    ) -> Result<Url, ProviderError> {
        let mut url = self.url(&[what])?;
        let (from, until) = (window.from.timestamp(), window.until.timestamp());
        url.query_pairs_mut()
            .append_pair("limit", PAGE)
            .append_pair("created[gte]", &from.to_string())
            .append_pair("created[lt]", &until.to_string())
            .extend_pairs(after.map(|after| ("starting_after", after)));
        Ok(url)
    }
}
