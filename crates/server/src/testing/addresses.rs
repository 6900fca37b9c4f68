use std::collections::{BTreeMap, BTreeSet};

use crate::app::App;
use crate::http::pages;

/// The addresses at which a browser may ask for a page, with their `{parameters}`: the router's own list, so that a page
/// which is added is known here at once.
///
/// # Panics
/// If axum's router describes itself otherwise than it did.
#[must_use]
pub fn addresses_of_pages(app: &App) -> BTreeSet<String> {
    // axum has no list of routes for others to read, but its `Debug` has one.
    let described = format!("{:?}", pages::routes(app));
    let (routes, paths) = described
        .split_once(", node: Node { paths: {")
        .unwrap_or_default();
    let (paths, _) = paths.split_once("} }, fallback_router").unwrap_or_default();
    let paths: BTreeMap<_, _> = by_id(paths).collect();
    let readable = by_id(routes).filter(|(_, methods)| methods.contains("GET,HEAD"));
    let readable: BTreeSet<_> = readable
        .filter_map(|(id, _)| paths.get(id)?.split('"').nth(1).map(str::to_owned))
        .collect();
    assert!(
        readable.contains("/"),
        "axum describes its router otherwise: {described}"
    );
    readable
}

/// What stands after each id of a route.
fn by_id(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split("RouteId(")
        .filter_map(|entry| entry.split_once("): "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    #[tokio::test]
    async fn every_address_is_known_at_which_a_page_may_be_asked_for_and_no_other() {
        let addresses = addresses_of_pages(&App::connect(&Settings::for_tests()).unwrap());
        for known in ["/", "/checkout", "/orders/{number}", "/account/avatar"] {
            assert!(addresses.contains(known), "{known}");
        }
        for unknown in ["/sign-out", "/cart/lines", "/livez"] {
            assert!(!addresses.contains(unknown), "{unknown}");
        }
    }
}
