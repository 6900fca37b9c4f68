//! What a release answers to whoever looks around.

use std::collections::BTreeMap;

use crate::Shop;
use crate::browser::Browser;
use crate::customer::{Customer, call};

/// The status of each page to which links lead, and of each list of the API: as a stranger, and as somebody signed in.
pub(super) struct Pages {
    strangers: BTreeMap<String, u16>,
    customers: BTreeMap<String, u16>,
    programs: BTreeMap<String, u16>,
}

impl Pages {
    /// Looks everywhere.
    pub(super) async fn visit(shop: &Shop, customer: &Customer, browser: &Browser) -> Self {
        Self {
            strangers: follow_links(shop, &Browser::signed_out()).await,
            customers: follow_links(shop, browser).await,
            programs: read_lists(shop, customer).await,
        }
    }

    /// Fails where something else is answered now.
    pub(super) async fn require(&self, shop: &Shop, customer: &Customer, browser: &Browser) {
        for (before, browser) in [
            (&self.strangers, &Browser::signed_out()),
            (&self.customers, browser),
        ] {
            for (path, status) in before {
                let now = browser.get(shop, path).await.status().as_u16();
                assert_eq!(now, *status, "GET {path}");
            }
        }
        for (path, status) in &self.programs {
            let (now, problem) = customer.try_get(shop, path).await;
            assert_eq!(now, *status, "GET /api/v1{path}: {problem}");
        }
    }
}

async fn follow_links(shop: &Shop, browser: &Browser) -> BTreeMap<String, u16> {
    let mut found = BTreeMap::new();
    let mut ahead = vec!["/".to_owned(), "/sign-in".to_owned()];
    while let Some(path) = ahead.pop() {
        if found.contains_key(&path) {
            continue;
        }
        let answer = browser.get(shop, &path).await;
        let status = answer.status().as_u16();
        // A document is no text, and has no links.
        let page = answer.text().await.unwrap_or_default();
        ahead.extend(links(&page));
        found.insert(path, status);
    }
    assert!(found.len() > 5, "no page has links: {found:?}");
    found
}

/// Where a page leads within the shop.
fn links(page: &str) -> Vec<String> {
    let links = page.split("<a ").skip(1);
    let links = links.filter_map(|link| link.split_once("href=\"")?.1.split('"').next());
    let inside = links.filter(|link| link.starts_with('/'));
    inside
        .map(|link| link.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

/// By the description that the release itself gives of its API.
async fn read_lists(shop: &Shop, customer: &Customer) -> BTreeMap<String, u16> {
    let (_, description) = call(
        shop,
        http::Method::GET,
        "/openapi.json",
        None,
        serde_json::Value::Null,
    )
    .await;
    let paths = description["paths"].as_object().expect("a description");
    let mut found = BTreeMap::new();
    for (path, operations) in paths {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        if !path.contains('{') && operations.get("get").is_some() {
            found.insert(path.to_owned(), customer.try_get(shop, path).await.0);
        }
    }
    assert!(found.len() > 5, "the API has no lists: {found:?}");
    found
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn links_are_followed_within_the_shop_alone() {
        let page = r##"<link href="/assets/app.css"><a class="a" href="/products?a=1&#38;b=2">x</a>
            <a href="https://example.com/">y</a><a href="#content">z</a>"##;
        assert_eq!(links(page), ["/products?a=1&b=2"]);
    }
}
