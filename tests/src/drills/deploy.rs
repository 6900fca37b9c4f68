//! Releases that nobody notices, and releases that do not succeed.

mod broken;
mod http3;
mod proxy;
mod site;
mod visitors;

use std::path::PathBuf;
use std::time::Instant;

use futures::future::join_all;

use self::site::{Site, Wire};
use self::visitors::{READERS, Visitors};
use super::load::a_full_shelf;
use super::{Books, Drill, Length, Measured};
use crate::browser::Browser;
use crate::customer::Customer;

pub(super) const DRILLS: [Drill; 3] = [
    Drill {
        name: "deploy",
        fault: "release after release, and rollbacks, behind Caddy, while people read, buy and upload",
        expected: "failed requests 0, lost sessions 0, lost jobs 0, missing assets 0",
        run: |length| Box::pin(deploy(length)),
    },
    Drill {
        name: "release-broken",
        fault: "releases that do not start, get ready, migrate or fit on the disk, that are cut off, or come at the same time",
        expected: "each is told why, and the old release serves as before",
        run: |_| Box::pin(broken::releases()),
    },
    Drill {
        name: "proxy",
        fault: "strangers who claim, send too much or too slowly, and a colour that is killed, all behind Caddy",
        expected: "what `Caddyfile` promises, over TLS, HTTP/2 and HTTP/3",
        run: |_| Box::pin(proxy::proxy()),
    },
];

/// What brings another release in.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// The next release, which has another migration and another style sheet.
    Next,
    Rollback,
    /// The same program as a further release.
    Further(u8),
}

/// The program of the release that follows this one.
#[expect(
    clippy::disallowed_methods,
    reason = "`cargo xtask drill` has built it and says where"
)]
fn next_release() -> PathBuf {
    let program = std::env::var_os("NEXT_RELEASE");
    program
        .expect("NEXT_RELEASE, which `cargo xtask drill` sets")
        .into()
}

async fn deploy(length: Length) -> Measured {
    use Turn::{Further, Next, Rollback};
    let few = [Next, Rollback, Next, Further(1)];
    if length == Length::Short {
        return release_under_load("drill-deploy", Wire::Plain, &few).await;
    }
    // Twenty releases and three rollbacks.
    let back_and_forth = [Next, Rollback].repeat(3);
    let turns = [back_and_forth, (1..=17).map(Further).collect()].concat();
    let plain = release_under_load("drill-deploy", Wire::Plain, &turns).await;
    let tls = release_under_load("drill-deploy-tls", Wire::Tls, &few).await;
    format!("{plain}. HTTP/2 over TLS: {tls}")
}

async fn release_under_load(name: &str, wire: Wire, turns: &[Turn]) -> Measured {
    let site = Site::open(name, wire).await;
    let shop = &site.shop;
    let mug = a_full_shelf(shop).await;
    let people = Customer::crowd(shop, 4).await;
    let mut browsers = Vec::new();
    for customer in &people {
        browsers.push(Browser::sign_in(shop, &customer.email).await);
    }
    let mut orders = Vec::new();
    for customer in &people[..2] {
        orders.push(customer.order_two_mugs(shop).await);
    }
    let books = Books::open(shop).await;

    let visitors = Visitors::new(&site);
    let since = Instant::now();
    let reading = join_all((0..READERS).map(|reader| {
        let browser = reader.is_multiple_of(2).then(|| &browsers[reader / 2 % 4]);
        visitors.look(reader, browser.map(Browser::cookie))
    }));
    let buying = join_all(people[2..].iter().map(|buyer| visitors.buy(buyer, &mug)));
    let filling = visitors.fill_cart(browsers[0].cookie());
    let uploading = people.iter().zip(&orders);
    let uploading = join_all(uploading.map(|(one, order)| visitors.upload(one, order)));
    let releasing = async {
        for turn in turns {
            visitors.turn.set(visitors.turn.get() + 1);
            take(&site, *turn).await;
            visitors.look_at_every_asset().await;
        }
        visitors.is_over.set(true);
    };
    tokio::join!(releasing, reading, buying, filling, uploading);
    let took = since.elapsed().as_secs_f64();

    let seen = visitors.seen.take();
    let some: Vec<_> = seen.failed.iter().take(5).collect();
    assert!(
        seen.failed.is_empty(),
        "{} of {} requests failed: {some:#?}",
        seen.failed.len(),
        seen.requests
    );
    assert_eq!(seen.lost_sessions, 0, "lost sessions");
    assert!(
        seen.missing_assets.is_empty(),
        "missing assets: {:?}",
        seen.missing_assets
    );
    assert_eq!(seen.colours.len(), 2, "{:?}", seen.colours);
    books.check(shop, &seen.orders).await;
    let rollbacks = turns.iter().filter(|turn| matches!(turn, Turn::Rollback));
    let rollbacks = rollbacks.count();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = seen.requests as f64 / took;
    format!(
        "{} releases and {rollbacks} rollbacks, {} requests ({rate:.0}/s), {} orders, {} uploads: failed 0, lost sessions 0, \
         lost jobs 0, missing assets 0",
        turns.len() - rollbacks,
        seen.requests,
        seen.orders.len(),
        seen.uploads,
    )
}

async fn take(site: &Site, turn: Turn) {
    let next = next_release();
    let next = next.to_string_lossy();
    match turn {
        Turn::Next => site.must(&["--name", "next", &next]).await,
        Turn::Rollback => site.must(&["rollback"]).await,
        Turn::Further(number) => {
            site.must(&["--name", &format!("further-{number}"), &next])
                .await;
        }
    }
}
