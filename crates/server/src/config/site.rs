use std::collections::BTreeMap;

use ipnet::IpNet;
use kernel::Currency;
use url::Url;

use super::Environment;
use super::reader::{Reader, web_address};
use crate::app::Site;
use crate::http::session::Cookies;

pub(super) fn site(read: &mut Reader<'_>, environment: Environment) -> Option<Site> {
    let product_name = read.required(
        "PRODUCT_NAME",
        "what people call the product",
        str::parse::<String>,
    );
    let public_url = read.required(
        "PUBLIC_URL",
        "https://shop.example, without a path",
        web_address,
    );
    let currency = read
        .optional("CURRENCY", "EUR, USD or GBP", str::parse)
        .unwrap_or(Currency::Eur);
    let trusted_proxies = read
        .optional(
            "TRUSTED_PROXIES",
            "networks such as 127.0.0.1/32,10.0.0.0/8",
            proxies,
        )
        .unwrap_or_default();
    let release = read
        .raw("RELEASE")
        .unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    let storage_origin = read.raw("STORAGE_URL").and_then(|url| storage_origin(&url));
    let payment_origin = read
        .optional(
            "PAYMENT_PAGE_ORIGIN",
            "where the provider's payment page is",
            web_address,
        )
        .or_else(|| read.raw("PAYMENT_API_URL")?.parse().ok())
        .map(|url| payment_origin(&url));
    let public_url = public_url?;
    Some(Site {
        product_name: product_name?,
        cookies: Cookies::new(public_url.scheme() == "https"),
        public_url,
        release,
        currency,
        trusted_proxies,
        storage_origin,
        // That the provider's address is missing is reported where it is required.
        payment_origin: payment_origin.unwrap_or_default(),
        in_development: environment == Environment::Development,
    })
}

fn proxies(text: &str) -> Result<Vec<IpNet>, String> {
    let networks = text
        .split(',')
        .map(|network| network.trim().parse::<IpNet>());
    let networks = networks
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    if networks.iter().any(|network| network.prefix_len() == 0) {
        return Err("it trusts the whole internet".to_owned());
    }
    Ok(networks)
}

/// Where browsers load files from: nowhere else, unless there is a bucket.
fn storage_origin(url: &str) -> Option<String> {
    let url: Url = url.parse().ok().filter(|url: &Url| url.scheme() == "s3")?;
    let query: BTreeMap<_, _> = url.query_pairs().collect();
    if let Some(endpoint) = query.get("endpoint") {
        return Some(endpoint.parse::<Url>().ok()?.origin().ascii_serialization());
    }
    let region = query.get("region").map_or("us-east-1", AsRef::as_ref);
    Some(format!(
        "https://{}.s3.{region}.amazonaws.com",
        url.host_str()?
    ))
}

/// Stripe shows its payment page on another host than its API; the sandbox on the same.
fn payment_origin(api: &Url) -> String {
    match api.host_str() {
        Some("api.stripe.com") => "https://checkout.stripe.com".to_owned(),
        _ => api.origin().ascii_serialization(),
    }
}
